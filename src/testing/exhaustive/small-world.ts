import type { GroupSettings } from '../../core/group/book.ts'
import { Coordinator, type CoordinatorEffect, type CoordinatorInput } from '../../core/group/coordinator.ts'
import { type Foundation, nextFoundation } from '../../core/group/foundation.ts'
import type { CoordinatorMessage, ShareKind } from '../../core/group/messages.ts'
import type { Tick } from '../../core/machine.ts'
import { DEFAULT_DRIFT } from '../../core/time.ts'
import { Judge } from './judge.ts'
import { Seat } from './seat.ts'

/** Elections have names of their own. */
const groupOf = (share: ShareKind): string => (share === 'tenure' ? 'election/g' : 'g')
/** The fastest clock that is allowed: whoever reads it waits the shortest. */
const GRANTOR_RATE = 1 + DEFAULT_DRIFT
/** A timer never fires early; by so little it is late, and no belief is told from another by less. */
const TIMER_MS = 1e-7
/** So that generations by the wall clock are small numbers, and a restart within a second finds the same one. */
const WALL_AT_ZERO_MS = 10_000

export const SETTINGS: GroupSettings = {
  leaseMs: 1_000,
  settleMs: 100,
  settleCapMs: 500,
  drainLimitMs: 300,
  staticGraceMs: 1_500,
}

export interface SmallWorldOptions {
  readonly share: ShareKind
  /** Ids of processes in the order in which they may start. One that is named twice is two processes. */
  readonly processes: readonly string[]
  /** The first start may give at once. */
  readonly fresh: boolean
  /** Ids whose place is kept when they stop. */
  readonly statics?: readonly string[]
}

/** How the coordinator comes back. */
export type Restart = 'same' | 'written' | 'blank' | 'shorter'

/**
 * One coordinator and two or three members, with everything that is on its way between them, at worst-case rates of their clocks: all
 * that happens is one action at a time, and every invariant is checked after each. Running it costs microseconds.
 */
export class SmallWorld {
  readonly options: SmallWorldOptions
  readonly seats: Seat[] = []
  now = 0
  coordinator: Coordinator
  settings = SETTINGS
  durable: Foundation | undefined
  /** Being written: not durable, or durable and not reported. */
  readonly writes: { readonly ticket: number; readonly foundation: Foundation }[] = []
  instance = 1
  /** The coordinator's process stands still. */
  frozen = false
  #judge: Judge

  constructor(options: SmallWorldOptions) {
    this.options = options
    this.#judge = new Judge(this.#group)
    this.coordinator = this.#start(options.fresh)
  }

  get #group(): string {
    return groupOf(this.options.share)
  }

  /** Everything that decides what can happen from here on, and what would be judged wrong. */
  state(): readonly unknown[] {
    const { now, coordinator, seats, settings, durable, writes, instance, frozen } = this
    return [now, seats, coordinator, settings, durable, writes, instance, frozen, this.#judge]
  }

  #start(fresh: boolean): Coordinator {
    const { leaseMs } = this.settings
    const leases = { defaultLeaseMs: leaseMs, leasesMs: { [this.#group]: leaseMs } }
    const foundation = nextFoundation(this.durable, leases, WALL_AT_ZERO_MS + this.now)
    this.durable = foundation
    const { share } = this.options
    return new Coordinator({
      clusterId: 'c',
      instanceId: `i${this.instance}`,
      foundation,
      startedAt: this.#grantorNow(),
      fresh,
      defaults: this.settings,
      groups: new Map([[this.#group, { ...this.settings, share }]]),
      limits: { groups: 1, membersPerGroup: 8 },
    })
  }

  #grantorNow(): number {
    return this.now * GRANTOR_RATE
  }

  /** The next process starts, and has a link at once. */
  begin(): void {
    const id = this.options.processes[this.seats.length] as string
    const bootId = `${id}#${this.seats.length + 1}`
    const { share, statics = [] } = this.options
    const heartbeatMs = this.settings.leaseMs / 4
    this.seats.push(new Seat({ group: this.#group, id, bootId, share, heartbeatMs, isStatic: statics.includes(id) }))
    this.tell({ type: 'linked', from: bootId })
  }

  relink(seat: Seat): void {
    seat.link()
    this.tell({ type: 'linked', from: seat.bootId })
  }

  restart(how: Restart): void {
    if (how === 'written') this.durable = this.writes[0]?.foundation ?? this.durable
    this.writes.length = 0
    if (how === 'shorter') this.settings = { ...this.settings, leaseMs: this.settings.leaseMs / 2 }
    if (how === 'blank') {
      this.durable = undefined
      this.instance++
    }
    // Of epochs nothing is promised where the store was lost.
    this.#judge.startAnew(how === 'blank')
    this.frozen = false
    this.coordinator = this.#start(false)
    for (const seat of this.seats) {
      if (!seat.alive || seat.final) continue
      const rest = seat.down.filter(({ type }) => type !== 'hello')
      seat.down.splice(0, seat.down.length, ...rest)
      // Nothing but the link tells two servers apart, so what was on the old one's does not come to the new one.
      if (how === 'blank') seat.unlink()
      else this.relink(seat)
    }
  }

  /** The store has finished its oldest write. */
  finishWrite(well: boolean): void {
    const write = this.writes.shift()
    if (write === undefined) return
    if (well) this.durable = write.foundation
    this.tell({ type: well ? 'persisted' : 'persistFailed', ticket: write.ticket })
  }

  kill(seat: Seat): void {
    seat.alive = false
    seat.down.length = 0
    seat.drains.length = 0
  }

  /** A message arrives: the oldest of its lane, or the one behind it. `kept`: it will arrive once more. */
  carryUp(seat: Seat, place: number, kept: boolean): void {
    const message = seat.up[place]
    if (message === undefined) return
    if (!kept) seat.up.splice(place, 1)
    this.#judge.heard(message)
    this.tell({ type: 'received', from: seat.bootId, message })
  }

  carryDown(seat: Seat, place: number, kept: boolean): void {
    const message = seat.down[place]
    if (message === undefined) return
    if (!kept) seat.down.splice(place, 1)
    seat.hear(message, this.now)
  }

  tell(input: CoordinatorInput | Tick): void {
    for (const effect of this.coordinator.step(input, this.#grantorNow())) this.#perform(effect)
    // Whoever is on its way out is still a member, and is given nothing.
    const lacking = this.seats.some(({ leaving }) => leaving)
    this.#judge.stepped(this.coordinator.viewOf(this.#group), lacking)
  }

  #perform(effect: CoordinatorEffect): void {
    if (effect.type === 'persist') {
      const { ticket, foundation } = effect
      this.writes.push({ ticket, foundation })
      return
    }
    if (effect.type === 'emit') {
      if (effect.event.type === 'group.settled') this.#judge.settled = true
      return
    }
    const message = effect.message as CoordinatorMessage
    if (message.type === 'share') this.#judge.said(message, this.#grantorNow())
    const seat = this.seats.find(({ bootId }) => bootId === effect.to)
    if (seat?.alive && seat.linked && !seat.final) seat.down.push(message)
  }

  /** Nobody may believe at this instant what somebody else believes. */
  check(): void {
    this.#judge.compare(this.seats, this.now)
  }

  /** The next instant at which a timer fires or a belief ends. Timers of those who stand still do not. */
  nextInstant(): number | undefined {
    const at = this.frozen ? undefined : this.coordinator.wakeAt()
    let next = at === undefined ? Number.POSITIVE_INFINITY : at / GRANTOR_RATE
    if (next <= this.now) next = Number.POSITIVE_INFINITY
    for (const seat of this.seats) {
      for (const instant of [seat.wakesAt ?? 0, ...seat.ends()]) if (instant > this.now) next = Math.min(next, instant)
    }
    return next === Number.POSITIVE_INFINITY ? undefined : next
  }

  /** Something is on its way that arrives before time passes. */
  waits(): boolean {
    return this.seats.some(({ alive, slow, frozen, up, down }) => {
      if (!alive || slow) return false
      return (up.length > 0 && !this.frozen) || (down.length > 0 && !frozen)
    })
  }

  /** Time passes to that instant, and whoever is due is woken. */
  pass(): void {
    const next = this.nextInstant()
    if (next !== undefined) this.passUntil(next)
    this.wakeAll()
  }

  passUntil(instant: number): void {
    this.now = instant + TIMER_MS
  }

  wakeAll(): void {
    for (const seat of this.seats) if (this.isDue(seat)) seat.step({ type: 'woke' }, this.now)
    if (!this.frozen && this.isDue()) this.tell({ type: 'woke' })
  }

  isDue(seat?: Seat): boolean {
    if (seat !== undefined) return (seat.wakesAt ?? Number.POSITIVE_INFINITY) <= this.now
    return (this.coordinator.wakeAt() ?? Number.POSITIVE_INFINITY) <= this.#grantorNow()
  }
}
