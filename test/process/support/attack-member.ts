import { WebSocket } from 'ws'
import type { CoordinatorMessage, Holding, Leave, Renew, ShareMessage } from '../../../src/core/group/messages.ts'
import type { RawLink } from './attack-arena.ts'
import { waitFor } from './wait.ts'

export interface RawMemberOptions {
  readonly group: string
  readonly member: string
  readonly share: Renew['share']
  readonly bootId?: string
}

/** A member without any honesty of its own: it says what the test says. Every frame that it ever sent can be said again. */
export class RawMember {
  readonly sent: string[] = []
  readonly #link: RawLink
  readonly #who: Required<RawMemberOptions>
  #sequence = 0
  #renewing: NodeJS.Timeout | undefined

  constructor(link: RawLink, options: RawMemberOptions) {
    this.#link = link
    this.#who = { bootId: crypto.randomUUID(), ...options }
  }

  /** The newest answer to it. */
  get share(): ShareMessage | undefined {
    for (const frame of this.#link.frames.toReversed()) {
      const messages = JSON.parse(frame) as CoordinatorMessage[]
      for (const each of messages.toReversed()) {
        if (each.type === 'share' && each.bootId === this.#who.bootId) return each
      }
    }
    return undefined
  }

  get held(): readonly Holding[] {
    return this.share?.holding ?? []
  }

  /** The refusals that were told on its link, whoever they are about. */
  get refusals(): readonly string[] {
    return this.#link.frames.flatMap((frame) =>
      (JSON.parse(frame) as CoordinatorMessage[]).flatMap((each) => (each.type === 'refused' ? [each.code] : [])),
    )
  }

  /** Those of them that are about it, and not about another process of its name. */
  get ownRefusals(): readonly string[] {
    return this.#link.frames.flatMap((frame) =>
      (JSON.parse(frame) as CoordinatorMessage[]).flatMap((each) =>
        each.type === 'refused' && each.bootId === this.#who.bootId ? [each.code] : [],
      ),
    )
  }

  get #generation(): number {
    for (const frame of this.#link.frames.toReversed()) {
      for (const each of JSON.parse(frame) as CoordinatorMessage[]) if (each.type === 'hello') return each.generation
    }
    return 0
  }

  /** An honest renewal, except for what is said in it. */
  renew(lie: Partial<Renew> = {}): string {
    const { share } = this
    const known = share === undefined ? {} : { incarnation: share.incarnation, generation: this.#generation }
    const { group, member, bootId, share: kind } = this.#who
    const names = { group, member, bootId, ...(kind !== undefined && { share: kind }) }
    const { holding = [], order = 0, revoked = [] } = share ?? {}
    return this.#say({
      ...{ type: 'renew', ...names, ...known, sequence: ++this.#sequence, order, holding },
      // What it is to let go it has let go at once.
      ...{ draining: [], acknowledged: revoked, ...lie },
    })
  }

  leave(lie: Partial<Leave> = {}): string {
    clearInterval(this.#renewing)
    const { group, member, bootId } = this.#who
    const incarnation = this.share?.incarnation ?? 0
    return this.#say({ type: 'leave', group, member, bootId, incarnation, sequence: ++this.#sequence, ...lie })
  }

  #say(message: Renew | Leave): string {
    const frame = JSON.stringify([message])
    this.sent.push(frame)
    this.#link.socket.send(frame)
    return frame
  }

  /** Resolves once what was said last has been answered, by an honest renewal after it. */
  async heard(): Promise<void> {
    this.renew()
    const sequence = this.#sequence
    await waitFor('an answer', () => {
      if (this.#link.socket.readyState !== WebSocket.OPEN) throw new Error('its link is closed')
      return (this.share?.sequence ?? 0) >= sequence
    })
  }

  /** Renews until `end`, and resolves once it has `items`. */
  async has(items: number): Promise<void> {
    this.#renewing ??= setInterval(() => this.renew(), 250)
    this.renew()
    await waitFor(`${this.#who.member} to have ${items}`, () => this.held.length === items)
  }

  end(): void {
    clearInterval(this.#renewing)
  }
}
