import type { CoordinatorMessage, MemberMessage } from '../core/group/messages.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { CoordinatorHosting, HostedLink } from '../ports/hosting.ts'
import type { CoordinatorLink, LinkSink, OpenLink } from '../ports/link.ts'

/**
 * A link inside one process: messages are handed over as they are, a turn of the loop later, in order, so that neither side
 * runs inside the other.
 */
export const memoryLink =
  (hosting: CoordinatorHosting, clock: Clock): OpenLink =>
  (sink) =>
    new MemoryLink(hosting, clock, sink)

class MemoryLink implements CoordinatorLink {
  readonly #hosting: CoordinatorHosting
  readonly #clock: Clock
  readonly #sink: LinkSink
  #far: HostedLink | undefined
  #toCoordinator: MemberMessage[] = []
  #toMembers: CoordinatorMessage[] = []
  #turn: Timer | undefined
  #greeted = false
  #closed = false

  constructor(hosting: CoordinatorHosting, clock: Clock, sink: LinkSink) {
    this.#hosting = hosting
    this.#clock = clock
    this.#sink = sink
    this.#soon()
  }

  send(messages: readonly MemberMessage[]): void {
    if (this.#far === undefined || this.#closed) return
    for (const message of messages) this.#toCoordinator.push(message)
    this.#soon()
  }

  /** There is but one coordinator in this process, and it is asked again. */
  reject(): void {
    this.#hangUp()
    this.#soon()
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#turn?.clear()
    if (this.#toCoordinator.length > 0) this.#far?.receive(this.#toCoordinator)
    this.#hangUp()
  }

  #hangUp(): void {
    this.#far?.close()
    this.#far = undefined
    this.#greeted = false
    this.#toCoordinator = []
    this.#toMembers = []
  }

  #soon(): void {
    this.#turn ??= this.#clock.turn(() => this.#carry())
  }

  #carry(): void {
    this.#turn = undefined
    this.#far ??= this.#hosting.attach((messages) => {
      for (const message of messages) this.#toMembers.push(message)
      if (!this.#closed) this.#soon()
    })
    const out = this.#toCoordinator
    this.#toCoordinator = []
    if (out.length > 0) this.#far.receive(out)
    const arrived = this.#toMembers
    this.#toMembers = []
    if (this.#closed) return
    if (!this.#greeted) {
      const hello = arrived.shift()
      if (hello?.type !== 'hello') return
      this.#greeted = true
      this.#sink.opened(hello)
    }
    if (arrived.length > 0) this.#sink.received(arrived)
  }
}
