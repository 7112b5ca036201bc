import type { MemberEffect } from '../../core/group/member.ts'
import {
  type Conclusion,
  type CoordinatorMessage,
  type MemberMessage,
  type Ran,
  TENURE,
} from '../../core/group/messages.ts'
import { groupOfOnce, onceOf } from '../../core/group/onces.ts'
import type { GroupEvent } from '../../core/group/reasons.ts'
import type { Random } from '../../core/random.ts'
import { Beliefs } from './beliefs.ts'
import type { Bench } from './bench.ts'
import { exponential, pick, type SimulatedGroup } from './conditions.ts'
import type { CoordinatorProcess } from './coordinator-process.ts'
import type { MemberProcess } from './member-process.ts'
import type { ServerRoom } from './server-room.ts'
import { must } from './violation.ts'

/** What really came of one instant, whatever anybody says. */
interface Run {
  readonly beliefs: Beliefs
  /** Processes that began it. */
  readonly began: string[]
  granted: number
  readonly reported: Set<Ran['outcome']>
}

/** What a run of the coordinator has said of an instant. */
interface Said {
  readonly run: number
  readonly at: number
  readonly conclusion: Conclusion
  /** How many had ended in that run of the coordinator. */
  readonly ended: number
}

export const groupOfRun = (name: string): SimulatedGroup => ({ name, share: 'once', explicit: true, leaseFactor: 1 })

/**
 * Processes that call `once()` for the same instants, and the rules of that. N1: an instant is begun once at most, ever. N2: whoever is told how
 * it ended is told the truth. N3: whoever calls is told within a bound, once everything is healed. N4: what is known is not forgotten within the
 * retention.
 */
export class Onces {
  readonly #bench: Bench
  readonly #room: ServerRoom
  readonly #random: Random
  readonly #join: (id: string, group: SimulatedGroup) => void
  readonly #runs = new Map<string, Run>()
  readonly #said = new Map<string, Said>()
  /** Those whose work was aborted, or has been reported: they say nothing about it any more. */
  readonly #over = new Set<string>()
  /** Where a report came, by the run of the coordinator. */
  readonly #heard = new Set<string>()
  #ended = { run: 0, count: 0 }

  constructor(bench: Bench, room: ServerRoom, join: (id: string, group: SimulatedGroup) => void) {
    this.#bench = bench
    this.#room = room
    this.#random = bench.random.fork('onces')
    this.#join = join
  }

  /** Instants come, and somebody calls for each: some too early, and some long after it is over. */
  arrange(): void {
    const { once, timing } = this.#bench.conditions
    if (once === undefined) return
    const random = this.#random.fork('instants')
    const again = (): void => {
      this.#bench.agenda.after(exponential(random, once.everyMs), () => {
        if (!this.#bench.faulty) return
        again()
        const known = [...this.#runs.keys()]
        const earlier = random.next() < 0.25 ? known[random.below(known.length)] : undefined
        this.#call(earlier ?? this.#drawInstant(random, timing.leaseMs), random, once.callers)
      })
    }
    again()
  }

  #drawInstant(random: Random, leaseMs: number): string {
    const wallMs = this.#room.clock.wallMs(this.#bench.now)
    const draw = random.next()
    const offsetMs =
      draw < 0.8 ? leaseMs * (2 * random.next() - 0.2) : draw < 0.9 ? -10 * leaseMs * random.next() : 70_000
    return groupOfOnce({ name: `job${random.below(2)}`, atMs: Math.max(0, Math.floor(wallMs + offsetMs)) })
  }

  #call(group: string, random: Random, callers: number): void {
    const { leaseMs } = this.#bench.conditions.timing
    this.#of(group)
    for (let n = 1 + random.below(callers); n > 0; n--) {
      const afterMs = pick(random, [0, 0.2, 1, 3, 10]) * leaseMs * random.next()
      const id = `${group}-c${random.below(callers + 2)}`
      this.#bench.agenda.after(afterMs, () => this.#bench.faulty && this.#join(id, groupOfRun(group)))
    }
  }

  #of(group: string): Run {
    const run = this.#runs.get(group) ?? {
      beliefs: new Beliefs(group),
      began: [],
      granted: 0,
      reported: new Set<Ran['outcome']>(),
    }
    this.#runs.set(group, run)
    return run
  }

  believes(member: MemberProcess): void {
    this.#of(member.group).beliefs.update(member.bootId, member.belief(), this.#bench.now)
  }

  /** How long it takes to stop when somebody is on the way out: nothing, when the work has ended. */
  drainMs(member: MemberProcess): number {
    if (this.#over.has(member.bootId)) return 0
    this.#over.add(member.bootId)
    return exponential(member.work, this.#bench.conditions.timing.heartbeatMs)
  }

  memberDid(member: MemberProcess, effect: MemberEffect): void {
    const run = this.#of(member.group)
    if (effect.type === 'granted') {
      run.began.push(member.bootId)
      this.#onlyOnce(member.group, run.began.length, `${run.began.join(' and ')} began`)
      const { leaseMs } = this.#bench.conditions.timing
      this.#bench.agenda.after(pick(member.work, [0, 0.3, 2]) * leaseMs * member.work.next(), () => this.#ends(member))
    }
    if (effect.type === 'lost') this.#lost(member)
    const { state, conclusion } = member.machine.view()
    if (effect.type === 'changed' && state === 'concluded' && conclusion !== undefined) {
      this.#isTrue(member.group, conclusion, member.bootId)
    }
  }

  #onlyOnce(group: string, times: number, what: string): void {
    const { conditions, faults } = this.#bench
    // Without a disk only the wall clock says what was before.
    const forgets = !conditions.hasStore || faults.has('lostStore')
    const excused = forgets && faults.has('coordinatorWallStep')
    must(times <= 1 || excused, 'N1', () => `${group}: ${what}`)
  }

  #ends(member: MemberProcess): void {
    const { agenda } = this.#bench
    if (!member.alive || member.final || this.#over.has(member.bootId)) return
    if (member.standsStill) return agenda.after(this.#bench.conditions.timing.heartbeatMs, () => this.#ends(member))
    const holding = member.machine.holds(TENURE, member.read())
    if (holding === undefined) return this.#lost(member)
    const outcome = member.work.next() < 0.8 ? 'done' : 'failed'
    this.#over.add(member.bootId)
    this.#of(member.group).reported.add(outcome)
    member.post({ type: 'leave', ran: { token: holding.epoch, outcome } })
  }

  /** Whoever lost it stops, and has nothing to report. */
  #lost(member: MemberProcess): void {
    if (this.#over.has(member.bootId)) return
    this.#over.add(member.bootId)
    const afterMs = exponential(member.work, this.#bench.conditions.timing.heartbeatMs)
    this.#bench.agenda.after(afterMs, () => member.post({ type: 'leave' }))
  }

  #isTrue(group: string, conclusion: Conclusion, who: string): void {
    const { reported, granted } = this.#of(group)
    if (conclusion === 'done' || conclusion === 'failed') {
      must(reported.has(conclusion), 'N2', () => `${who} was told that ${group} is ${conclusion}, and nobody said so`)
    }
    if (conclusion === 'lost') must(granted > 0, 'N2', () => `${who} was told that ${group} is lost, and nobody had it`)
  }

  coordinatorHears({ run }: CoordinatorProcess, message: MemberMessage): void {
    if (message.type === 'leave' && message.ran !== undefined) this.#heard.add(`${run} ${message.group}`)
  }

  coordinatorSaid(coordinator: CoordinatorProcess, group: string, event: GroupEvent): void {
    const run = this.#of(group)
    if (event.type === 'once.finished' || event.type === 'once.lost') {
      const before = this.#ended.run === coordinator.run ? this.#ended.count : 0
      this.#ended = { run: coordinator.run, count: before + 1 }
      const conclusion = event.type === 'once.lost' ? 'lost' : event.outcome
      this.#said.set(group, { run: coordinator.run, at: coordinator.read(), conclusion, ended: before + 1 })
    }
    if (event.type === 'once.granted') {
      run.granted++
      this.#onlyOnce(group, run.granted, `granted to ${event.member}, after somebody else`)
    }
    if (event.type === 'once.finished') this.#isTrue(group, event.outcome, 'an operator')
    if (event.type !== 'once.lost') return
    const { now } = this.#bench
    const isHeard = this.#heard.has(`${coordinator.run} ${group}`)
    must(!isHeard, 'N2', () => `${group} was called lost, though whoever ran it had been heard to the end`)
    for (const bootId of run.began) {
      const items = run.beliefs.of(bootId)?.items ?? []
      must(
        items.every(({ end }) => end <= now + 1e-6),
        'N2',
        () => `${group} was called lost while ${bootId} may go on with it`,
      )
    }
  }

  coordinatorSends(coordinator: CoordinatorProcess, message: CoordinatorMessage): void {
    if (message.type !== 'share' && message.type !== 'concluded') return
    const { group } = message
    if (onceOf(group) === undefined) return
    const now = message.type === 'concluded' ? message.conclusion : undefined
    const said = this.#said.get(group)
    if (said?.run === coordinator.run && this.#isKept(coordinator, said)) {
      must(
        now === said.conclusion,
        'N4',
        () => `${group} was ${said.conclusion}, and ${message.member} is told ${now ?? 'to wait'}`,
      )
    }
  }

  /** Neither the time nor the room for it is used up. */
  #isKept(coordinator: CoordinatorProcess, { at, ended }: Said): boolean {
    const { once } = this.#bench.conditions
    if (once === undefined) return false
    return coordinator.read() < at + once.retentionMs && this.#ended.count - ended < once.records - 1
  }

  /** Who calls and was not told, though the instant has come. */
  pending(members: readonly MemberProcess[]): string[] {
    const wallMs = this.#room.clock.wallMs(this.#bench.now)
    return members
      .filter(({ group, alive, final }) => {
        const once = onceOf(group)
        return once !== undefined && alive && !final && once.atMs < wallMs
      })
      .map(({ bootId }) => `${bootId}: was not told how it ended`)
  }
}
