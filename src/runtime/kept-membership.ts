import { Member, type MemberInput, type MembershipView } from '../core/group/member.ts'
import type { Holding, Ran, Refused } from '../core/group/messages.ts'
import type { Millis } from '../core/time.ts'
import { CaucusError } from '../errors.ts'
import type { JoinRequest, MembershipListener, MembershipPort } from '../ports/backend.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { CrewEffect, Hand } from './crew.ts'

/** What a membership asks of the connection that it is on. */
export interface MembershipHome {
  readonly clock: Clock
  post(input: MemberInput): void
  linked(): boolean
  leaving(): void
  remove(): void
}

/** One membership on a connection: what it says goes through the driver of all of them. */
export class KeptMembership implements MembershipPort, Hand {
  readonly member: Member
  readonly #listener: MembershipListener
  readonly #home: MembershipHome
  #refusal: Refused | undefined
  /** `over`: nothing is heard, said or held any more. `lingering`: to be left as soon as the coordinator says who it is. */
  #state: 'open' | 'lingering' | 'over' = 'open'
  #leaving: Promise<void> | undefined
  #left: (() => void) | undefined
  #limit: Timer | undefined
  #limitMs: Millis = 0

  constructor(request: JoinRequest, listener: MembershipListener, home: MembershipHome) {
    this.member = new Member(request)
    this.#listener = listener
    this.#home = home
  }

  view(): MembershipView {
    return this.member.view()
  }

  holds(item: number): Holding | undefined {
    return this.#state === 'open' ? this.member.holds(item, this.#home.clock.now()) : undefined
  }

  now(): number {
    return this.#home.clock.now()
  }

  drainUntil(holding: Holding): number | undefined {
    return this.#state === 'open' ? this.member.drainUntil(holding) : undefined
  }

  drained(items: readonly Holding[]): void {
    if (this.#state === 'open') this.#home.post({ type: 'drained', items })
  }

  setMetadata(metadata: unknown): void {
    if (this.#state === 'open') this.#home.post({ type: 'metadata', metadata })
  }

  setWeight(weight: number): void {
    if (this.#state === 'open') this.#home.post({ type: 'weight', weight })
  }

  leave({ limitMs, ran }: { limitMs: Millis; ran?: Ran }): Promise<void> {
    if (this.#leaving !== undefined) return this.#leaving
    const { promise, resolve } = word()
    // Before anything is posted: what comes of that may leave again, in this very call.
    this.#leaving = promise
    if (this.#state === 'over') resolve()
    else {
      this.#left = resolve
      this.#limitMs = limitMs
      this.#home.leaving()
      this.#home.post({ type: 'leave', ran })
    }
    return promise
  }

  close(): void {
    if (this.#state !== 'open') return
    this.#state = 'lingering'
    this.#listener.ended(undefined)
    // A join that is on its way must not be forgotten: it would be a member until it expired, and the others would wait for it.
    if (this.member.view().state !== 'joining' || !this.#home.linked()) this.#letGo()
  }

  /** What the leave still drains is let go in `tell`. */
  #letGo(): void {
    this.#home.post({ type: 'drained', items: this.member.draining })
    this.#home.post({ type: 'leave' })
    this.#over(undefined)
  }

  /** Nobody is there any more to tell who this is; on the next link it must not join. */
  unlinked(): void {
    if (this.#state === 'lingering') this.#over(undefined)
  }

  fail(error: CaucusError): void {
    this.#over(error)
  }

  tell(effect: Exclude<CrewEffect<KeptMembership>['effect'], { type: 'send' | 'changed' | 'rejectLink' }>): void {
    if (this.#state !== 'open') {
      // Nobody works on it any more.
      if (effect.type === 'drain') this.#home.post({ type: 'drained', items: effect.items })
      return
    }
    switch (effect.type) {
      case 'granted':
        return this.#listener.granted(effect.items)
      case 'drain':
        return this.#listener.drain(effect.items)
      case 'lost':
        return this.#listener.lost(effect.items, effect.because)
      case 'refused':
        this.#refusal = effect.refusal
        this.#listener.refused(new CaucusError(effect.refusal.code, effect.refusal.message))
    }
  }

  tellChanged(): void {
    const { state } = this.member.view()
    if (this.#state === 'over') return
    if (this.#state === 'lingering') {
      if (state !== 'joining') this.#letGo()
      return
    }
    this.#listener.changed()
    if (state === 'left' || state === 'concluded') this.#over(undefined)
    else if (state === 'fenced' || state === 'refused') this.#over(refusalOf(this.#refusal))
  }

  /** Everything is let go. Whether that is heard makes others wait less, and is worth only so much waiting here. */
  waitForWord(): void {
    if (this.#state === 'over') return
    const { clock } = this.#home
    this.#limit ??= clock.setTimer(clock.now() + this.#limitMs, () => this.#over(undefined))
  }

  #over(error: CaucusError | undefined): void {
    if (this.#state === 'over') return
    const listened = this.#state === 'open'
    this.#state = 'over'
    this.#limit?.clear()
    this.#home.remove()
    if (listened) this.#listener.ended(error)
    this.#left?.()
  }
}

const word = (): { readonly promise: Promise<void>; readonly resolve: () => void } => {
  let resolve: () => void = () => undefined
  const promise = new Promise<void>((given) => {
    resolve = given
  })
  return { promise, resolve }
}

const refusalOf = (refusal: Refused | undefined): CaucusError =>
  new CaucusError(refusal?.code ?? 'CAUCUS_PROTOCOL', refusal?.message ?? 'the coordinator refused this membership')
