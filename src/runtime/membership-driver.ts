import type { MemberInput } from '../core/group/member.ts'
import type { CoordinatorMessage, Hello, MemberMessage } from '../core/group/messages.ts'
import type { Millis } from '../core/time.ts'
import { CaucusError } from '../errors.ts'
import type { JoinRequest, MembershipListener, MembershipPort } from '../ports/backend.ts'
import type { Clock } from '../ports/clock.ts'
import type { CoordinatorLink, OpenLink } from '../ports/link.ts'
import type { Telemetry } from '../ports/telemetry.ts'
import { Crew, type CrewEffect, type CrewInput } from './crew.ts'
import { Driver } from './driver.ts'
import { KeptMembership } from './kept-membership.ts'

/** How long the end of a connection waits for the answers to joins that are called off. */
const ANSWER_LIMIT_MS: Millis = 1_000

export interface MembershipDriverOptions {
  /** The holder's clock. */
  readonly clock: Clock
  readonly open: OpenLink
  readonly telemetry?: Telemetry | undefined
}

/**
 * Keeps the memberships of one connection alive: what they say in one turn travels in one frame, and they find their
 * coordinator again after the link was lost. A server that one of them may not talk to yet is left for all of them.
 */
export class MembershipDriver {
  readonly #clock: Clock
  readonly #crew = new Crew<KeptMembership>()
  readonly #driver: Driver<CrewInput<KeptMembership>, CrewEffect<KeptMembership>>
  readonly #link: CoordinatorLink
  #hello: Hello | undefined
  #outbox: MemberMessage[] = []
  readonly #changed = new Set<KeptMembership>()
  /** Who is leaving and has not let go of everything yet, as far as was seen. */
  readonly #leaving = new Set<KeptMembership>()
  #rejected = false
  #fault: CaucusError | undefined
  /** Called when the last membership is gone, while the end waits for that. */
  #emptied: (() => void) | undefined
  #closed: Promise<void> | undefined

  constructor({ clock, open, telemetry }: MembershipDriverOptions) {
    this.#clock = clock
    this.#driver = new Driver(this.#crew, {
      clock,
      perform: ({ hand, effect }) => {
        switch (effect.type) {
          case 'send':
            return void this.#outbox.push(effect.message)
          case 'rejectLink':
            this.#rejected = true
            return
          case 'changed':
            return void this.#changed.add(hand)
          default:
            return hand.tell(effect)
        }
      },
      afterTurn: () => this.#afterTurn(),
      onFault: (cause) => {
        const error = new CaucusError('CAUCUS_BACKEND', 'the memberships of this connection failed', { cause })
        this.#fault = error
        for (const membership of [...this.#crew.view().values()]) membership.fail(error)
        // Nobody reads any more what comes over it, and the other side is to know.
        void this.#link.close()
      },
      onDropped: ({ cause }) => telemetry?.count('inbox_dropped', 1, { cause }),
    })
    this.#link = open({
      opened: (hello) => {
        this.#hello = hello
        this.#postAll({ type: 'linked', instanceId: hello.instanceId, generation: hello.generation })
      },
      received: (messages) => this.#receive(messages),
      closed: () => {
        this.#hello = undefined
        for (const membership of [...this.#crew.view().values()]) membership.unlinked()
        this.#postAll({ type: 'unlinked' })
      },
    })
  }

  /** True while anything is held or drained: then only the server that gave it will do. */
  get holds(): boolean {
    for (const { member } of this.#crew.view().values()) {
      if (member.view().held.size > 0 || member.draining.length > 0) return true
    }
    return false
  }

  join(request: JoinRequest, listener: MembershipListener): MembershipPort {
    if (this.#closed !== undefined) throw new CaucusError('CAUCUS_CLOSED', 'this connection has been closed')
    if (this.#fault !== undefined) throw this.#fault
    const { bootId } = request
    const membership = new KeptMembership(request, listener, {
      clock: this.#clock,
      post: (input) => this.#driver.post({ type: 'one', hand: membership, input }),
      linked: () => this.#hello !== undefined,
      leaving: () => this.#leaving.add(membership),
      remove: () => {
        this.#crew.remove(bootId)
        this.#leaving.delete(membership)
        if (this.#crew.view().size === 0) this.#emptied?.()
      },
    })
    this.#crew.add(bootId, membership)
    const hello = this.#hello
    if (hello !== undefined) {
      const { instanceId, generation } = hello
      const input: MemberInput = { type: 'linked', instanceId, generation }
      if (!this.#driver.post({ type: 'one', hand: membership, input })) {
        this.#crew.remove(bootId)
        throw new CaucusError('CAUCUS_OVERLOADED', 'too much waits to be told to the memberships of this connection')
      }
    }
    return membership
  }

  #receive(messages: readonly CoordinatorMessage[]): void {
    for (const message of messages) if (message.type === 'hello') this.#hello = message
    this.#driver.post({ type: 'received', messages })
  }

  #postAll(input: MemberInput): void {
    this.#driver.post({ type: 'all', input })
  }

  #afterTurn(): void {
    if (this.#rejected) {
      this.#rejected = false
      this.#outbox = []
      this.#hello = undefined
      this.#link.reject()
      this.#postAll({ type: 'unlinked' })
    }
    if (this.#outbox.length > 0) {
      const messages = this.#outbox
      this.#outbox = []
      this.#link.send(messages)
    }
    const changed = [...this.#changed]
    this.#changed.clear()
    for (const membership of changed) membership.tellChanged()
    for (const membership of this.#leaving) {
      if (membership.member.draining.length === 0 && this.#leaving.delete(membership)) membership.waitForWord()
    }
  }

  /**
   * Everything is let go without a drain, and said if there is anybody to say it to. A join that is under way is waited for, up to a
   * second: whoever is admitted after its process has gone would stay for a lease.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    for (const membership of [...this.#crew.view().values()]) membership.close()
    if (this.#crew.view().size > 0) await this.#answered()
    this.#driver.close()
    await this.#link.close()
  }

  /** Resolves once nobody is there any more whose join could still be answered, or when that takes too long. */
  async #answered(): Promise<void> {
    const emptied = new Promise<void>((resolve) => {
      this.#emptied = resolve
    })
    const limit = this.#clock.setTimer(this.#clock.now() + ANSWER_LIMIT_MS, () => {
      for (const membership of [...this.#crew.view().values()]) membership.unlinked()
    })
    await emptied
    limit.clear()
  }
}
