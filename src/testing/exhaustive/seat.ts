import { Member, type MemberEffect, type MemberInput } from '../../core/group/member.ts'
import type { CoordinatorMessage, Holding, MemberMessage, ShareKind } from '../../core/group/messages.ts'
import type { Tick } from '../../core/machine.ts'
import { DEFAULT_DRIFT, type Instant } from '../../core/time.ts'
import type { Belief } from '../simulation/beliefs.ts'

/** The slowest clock that is allowed: its owner believes longest. */
export const HOLDER_RATE = 1 - DEFAULT_DRIFT

export interface SeatOptions {
  readonly group: string
  readonly id: string
  readonly bootId: string
  readonly share: ShareKind
  readonly heartbeatMs: number
  /** Its place is kept when it stops. */
  readonly isStatic: boolean
}

/** One member process, what is on its way to it and from it, and what it has not finished. Its clock is as slow as clocks may be. */
export class Seat {
  readonly id: string
  readonly bootId: string
  readonly machine: Member
  readonly up: MemberMessage[] = []
  readonly down: CoordinatorMessage[] = []
  readonly drains: (readonly Holding[])[] = []
  alive = true
  linked = true
  greeted = false
  frozen = false
  /** What it sends and is sent arrives at any time later. */
  slow = false
  leaving = false

  constructor({ group, id, bootId, share, heartbeatMs, isStatic }: SeatOptions) {
    this.id = id
    this.bootId = bootId
    // No stop margin: it is there for clocks that cannot be read well, and would hide mistakes.
    this.machine = new Member({ group, member: id, bootId, share, heartbeatMs, stopMarginMs: 0, static: isStatic })
  }

  get final(): boolean {
    const { state } = this.machine.view()
    return state === 'left' || state === 'fenced' || state === 'refused'
  }

  get wakesAt(): number | undefined {
    const at = this.alive && !this.frozen ? this.machine.wakeAt() : undefined
    return at === undefined ? undefined : at / HOLDER_RATE
  }

  /** Real instants at which what it believes ends, also while nobody wakes it. */
  ends(): number[] {
    if (!this.alive) return []
    const { held, validUntil } = this.machine.view()
    const until = this.machine.draining.map((holding) => this.machine.drainUntil(holding) ?? validUntil)
    if (held.size > 0) until.push(validUntil)
    return until.map((at) => at / HOLDER_RATE)
  }

  /** Steps its machine; what it sends waits in its lane. */
  step(input: MemberInput | Tick, real: number): void {
    for (const effect of this.machine.step(input, this.clock(real))) this.#perform(effect)
    if (this.final) this.down.length = 0
  }

  clock(real: number): Instant {
    return real * HOLDER_RATE
  }

  #perform(effect: MemberEffect): void {
    if (effect.type === 'send') this.up.push(effect.message)
    if (effect.type === 'drain') this.drains.push(effect.items)
    if (effect.type === 'rejectLink') this.unlink()
  }

  link(): void {
    this.linked = true
    this.greeted = false
  }

  /** The link is gone, with everything on it. */
  unlink(): void {
    this.linked = false
    this.up.length = 0
    this.down.length = 0
  }

  hear(message: CoordinatorMessage, real: number): void {
    if (message.type !== 'hello' || this.greeted) return this.step({ type: 'received', message }, real)
    const { instanceId, generation } = message
    this.greeted = true
    this.step({ type: 'linked', instanceId, generation }, real)
  }

  belief(real: number): Belief | undefined {
    if (!this.alive) return undefined
    const now = this.clock(real)
    const { held, share, validUntil } = this.machine.view()
    if (share === undefined) return undefined
    const { draining } = this.machine
    // Asked as users ask: what the machine affirms after the end of the lease has no end.
    const end = (item: number) =>
      this.machine.holds(item, Math.max(now, validUntil)) === undefined
        ? validUntil / HOLDER_RATE
        : Number.POSITIVE_INFINITY
    return {
      share,
      items: [
        ...[...held.values()].map((holding) => ({ holding, end: end(holding.item) })),
        ...draining.map((holding) => ({ holding, end: (this.machine.drainUntil(holding) ?? 0) / HOLDER_RATE })),
      ],
    }
  }
}
