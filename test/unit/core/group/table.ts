import type { GroupSettings } from '../../../../src/core/group/book.ts'
import {
  type CallerMessage,
  Coordinator,
  type CoordinatorEffect,
  type CoordinatorOptions,
} from '../../../../src/core/group/coordinator.ts'
import { type Foundation, nextFoundation } from '../../../../src/core/group/foundation.ts'
import { Member, type MemberEffect } from '../../../../src/core/group/member.ts'
import type { CoordinatorMessage, Holding, MemberMessage, ShareKind } from '../../../../src/core/group/messages.ts'
import type { Order } from '../../../../src/core/group/orders.ts'
import type { GroupEvent } from '../../../../src/core/group/reasons.ts'
import type { GroupView } from '../../../../src/core/group/view.ts'

export const SETTINGS: GroupSettings = {
  leaseMs: 1_000,
  settleMs: 100,
  settleCapMs: 500,
  drainLimitMs: 400,
  staticGraceMs: 3_000,
}
const GROUP = 'g'
export const FOUR = { partitions: 4 } as const

/** What a process says first. */
export const join = (member: string, bootId: string, sequence = 1) =>
  ({
    type: 'renew',
    group: 'g',
    member,
    bootId,
    sequence,
    order: 0,
    holding: [],
    draining: [],
    acknowledged: [],
  }) as const

/** One member at the table, and what a test may do to it. */
export interface Seat {
  readonly name: string
  readonly member: Member
  /** False: nothing gets through in either direction. */
  reachable: boolean
  /** False: what it must drain waits for `finish`. */
  drainsAtOnce: boolean
  /** False: its timers do not fire and packets wait; its clock goes on. */
  awake: boolean
  readonly lost: string[]
  readonly waiting: CoordinatorMessage[]
  refusedWith: string | undefined
}

/** A coordinator and its members around one clock, without delays: what is said is heard in the same instant. */
export class Table {
  now = 0
  coordinator: Coordinator
  readonly events: GroupEvent[] = []
  readonly seats = new Map<string, Seat>()
  readonly sent: CoordinatorMessage[] = []
  foundation: Foundation
  #boots = 0
  #answer: CallerMessage | undefined
  readonly #options: Partial<CoordinatorOptions>
  readonly #group: string

  constructor(options: Partial<CoordinatorOptions> = {}, group = GROUP) {
    this.#group = group
    this.#options = options
    this.foundation = { generation: 10, defaultCeilingMs: SETTINGS.leaseMs, ceilingsMs: {} }
    this.coordinator = this.#start({ fresh: true, ...options })
  }

  #start(options: Partial<CoordinatorOptions>): Coordinator {
    return new Coordinator({
      clusterId: 'cluster',
      instanceId: 'server',
      foundation: this.foundation,
      startedAt: this.now,
      fresh: false,
      defaults: SETTINGS,
      groups: new Map(),
      limits: { groups: 10, membersPerGroup: 100 },
      ...options,
    })
  }

  /** The coordinator stops in good order: it leaves behind who holds something. */
  stop(): void {
    this.foundation = this.coordinator.testament(this.now)
  }

  /** The coordinator dies and another one starts from what is durable; links are made again by `relink`. */
  restart(options: Partial<CoordinatorOptions> = {}): void {
    const { roll } = this.foundation
    const defaultLeaseMs = (options.defaults ?? SETTINGS).leaseMs
    this.foundation = nextFoundation(this.foundation, { defaultLeaseMs, leasesMs: {} }, 0)
    this.coordinator = this.#start({ ...this.#options, roll, ...options })
  }

  sit(
    name: string,
    share: ShareKind = 'index',
    options: { drainsAtOnce?: boolean; weight?: number; static?: boolean; metadata?: unknown } = {},
  ): Seat {
    const member = new Member({
      group: this.#group,
      member: name.replace(/\W.*$/, ''),
      bootId: `boot-${++this.#boots}`,
      share,
      heartbeatMs: 200,
      stopMarginMs: 50,
      ...(options.weight !== undefined && { weight: options.weight }),
      ...(options.static !== undefined && { static: options.static }),
      ...(options.metadata !== undefined && { metadata: options.metadata }),
    })
    const seat: Seat = {
      name,
      member,
      reachable: true,
      drainsAtOnce: options.drainsAtOnce ?? true,
      awake: true,
      lost: [],
      waiting: [],
      refusedWith: undefined,
    }
    this.seats.set(name, seat)
    this.relink(name)
    return seat
  }

  relink(...names: string[]): void {
    for (const name of names.length > 0 ? names : this.seats.keys()) {
      this.#perform(this.coordinator.step({ type: 'linked', from: name }, this.now))
    }
  }

  leave(name: string): void {
    const seat = this.#seat(name)
    this.#act(seat, seat.member.step({ type: 'leave' }, this.now))
  }

  finish(name: string): void {
    const seat = this.#seat(name)
    this.#act(seat, seat.member.step({ type: 'drained', items: seat.member.draining }, this.now))
  }

  say(message: MemberMessage, from = 'somebody'): void {
    this.#perform(this.coordinator.step({ type: 'received', from, message }, this.now))
  }

  /** What the operator is answered. */
  order(order: Order): CallerMessage | undefined {
    this.#answer = undefined
    this.#perform(this.coordinator.step({ type: 'ordered', from: 'operator', group: this.#group, order }, this.now))
    return this.#answer
  }

  weigh(name: string, weight: number): void {
    const seat = this.#seat(name)
    this.#act(seat, seat.member.step({ type: 'weight', weight }, this.now))
  }

  view(): GroupView | undefined {
    return this.coordinator.viewOf(this.#group)
  }

  evict(name: string): void {
    this.#perform(
      this.coordinator.step({ type: 'evicted', from: 'operator', group: this.#group, member: name }, this.now),
    )
  }

  wake(name: string): void {
    const seat = this.#seat(name)
    seat.awake = true
    for (const message of seat.waiting.splice(0)) this.#deliver(seat, message)
  }

  pass(ms: number): void {
    const until = this.now + ms
    for (;;) {
      const next = Math.min(
        until,
        this.coordinator.wakeAt() ?? until,
        ...[...this.seats.values()].map((seat) => (seat.awake ? (seat.member.wakeAt() ?? until) : until)),
      )
      this.now = Math.max(this.now, next)
      for (const seat of this.seats.values()) {
        if (seat.awake && (seat.member.wakeAt() ?? until + 1) <= this.now)
          this.#act(seat, seat.member.step({ type: 'woke' }, this.now))
      }
      if ((this.coordinator.wakeAt() ?? until + 1) <= this.now)
        this.#perform(this.coordinator.step({ type: 'woke' }, this.now))
      if (this.now >= until) return
    }
  }

  /** What a member may act on at this instant. */
  holds(name: string): Holding[] {
    const { member } = this.#seat(name)
    return [...member.view().held.keys()].flatMap((item) => member.holds(item, this.now) ?? [])
  }

  items(name: string): number[] {
    return this.holds(name)
      .map(({ item }) => item)
      .sort((a, b) => a - b)
  }

  state(): string | undefined {
    return this.coordinator.viewOf(this.#group)?.state
  }

  #seat(name: string): Seat {
    const seat = this.seats.get(name)
    if (seat === undefined) throw new Error(`nobody called ${name} is at the table`)
    return seat
  }

  #perform(effects: readonly CoordinatorEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'emit') this.events.push(effect.event)
      if (effect.type === 'persist') {
        this.foundation = effect.foundation
        this.#perform(this.coordinator.step({ type: 'persisted', ticket: effect.ticket }, this.now))
      }
      if (effect.type !== 'send') continue
      if (effect.to === 'operator') {
        this.#answer = effect.message as CallerMessage
        continue
      }
      const message = effect.message as CoordinatorMessage
      this.sent.push(message)
      const seat = this.seats.get(String(effect.to))
      if (seat === undefined || !seat.reachable) continue
      if (seat.awake) this.#deliver(seat, message)
      else seat.waiting.push(message)
    }
  }

  #deliver(seat: Seat, message: CoordinatorMessage): void {
    const linked = message.type === 'hello'
    const { instanceId, generation } = linked ? message : { instanceId: '', generation: 0 }
    const input = linked
      ? ({ type: 'linked', instanceId, generation } as const)
      : ({ type: 'received', message } as const)
    this.#act(seat, seat.member.step(input, this.now))
  }

  #act(seat: Seat, effects: readonly MemberEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'send' && seat.reachable) this.say(effect.message, seat.name)
      if (effect.type === 'drain' && seat.drainsAtOnce) {
        this.#act(seat, seat.member.step({ type: 'drained', items: effect.items }, this.now))
      }
      if (effect.type === 'lost') seat.lost.push(effect.because)
      if (effect.type === 'refused') seat.refusedWith = effect.refusal.code
    }
  }
}
