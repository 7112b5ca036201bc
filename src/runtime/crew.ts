import type { Member, MemberEffect, MemberInput } from '../core/group/member.ts'
import type { CoordinatorMessage } from '../core/group/messages.ts'
import type { Machine, Tick } from '../core/machine.ts'
import type { Instant } from '../core/time.ts'

/** One membership among those of a connection. */
export interface Hand {
  readonly member: Member
}

export type CrewInput<H extends Hand> =
  | { readonly type: 'one'; readonly hand: H; readonly input: MemberInput }
  | { readonly type: 'all'; readonly input: MemberInput }
  | { readonly type: 'received'; readonly messages: readonly CoordinatorMessage[] }

export type CrewEffect<H extends Hand> = { readonly type: 'of'; readonly hand: H; readonly effect: MemberEffect }

/**
 * The memberships of one connection as one machine, so that what they say in one step can travel in one frame.
 * Only those are stepped that have something to do.
 */
export class Crew<H extends Hand> implements Machine<CrewInput<H>, CrewEffect<H>, ReadonlyMap<string, H>> {
  readonly #hands = new Map<string, H>()
  /** No later than the first instant at which anybody has something to do. Waking early does no harm, a search per input does. */
  #wakeAt: Instant = Number.POSITIVE_INFINITY
  #effects: CrewEffect<H>[] = []

  add(bootId: string, hand: H): void {
    this.#hands.set(bootId, hand)
  }

  remove(bootId: string): void {
    this.#hands.delete(bootId)
  }

  step(input: CrewInput<H> | Tick, now: Instant): readonly CrewEffect<H>[] {
    this.#effects = []
    switch (input.type) {
      case 'one':
        this.#step(input.hand, input.input, now)
        break
      case 'all':
        for (const hand of this.#hands.values()) this.#step(hand, input.input, now)
        break
      case 'received':
        for (const message of input.messages) this.#receive(message, now)
        break
      case 'woke':
        this.#woke(now)
        break
      // Authority does not wait for whoever stood still, and these machines have no patience to be moved.
      case 'stalled':
        break
    }
    return this.#effects
  }

  #receive(message: CoordinatorMessage, now: Instant): void {
    const input: MemberInput = { type: 'received', message }
    if (message.type === 'hello') {
      for (const hand of this.#hands.values()) this.#step(hand, input, now)
      return
    }
    const hand = this.#hands.get(message.bootId)
    if (hand !== undefined) this.#step(hand, input, now)
  }

  #woke(now: Instant): void {
    this.#wakeAt = Number.POSITIVE_INFINITY
    for (const hand of this.#hands.values()) {
      if ((hand.member.wakeAt() ?? Number.POSITIVE_INFINITY) <= now) this.#step(hand, { type: 'woke' }, now)
      else this.#wakeBy(hand)
    }
  }

  #step(hand: H, input: MemberInput | Tick, now: Instant): void {
    for (const effect of hand.member.step(input, now)) this.#effects.push({ type: 'of', hand, effect })
    this.#wakeBy(hand)
  }

  #wakeBy({ member }: H): void {
    this.#wakeAt = Math.min(this.#wakeAt, member.wakeAt() ?? Number.POSITIVE_INFINITY)
  }

  wakeAt(): Instant | undefined {
    if (this.#hands.size === 0) this.#wakeAt = Number.POSITIVE_INFINITY
    return this.#wakeAt === Number.POSITIVE_INFINITY ? undefined : this.#wakeAt
  }

  view(): ReadonlyMap<string, H> {
    return this.#hands
  }
}
