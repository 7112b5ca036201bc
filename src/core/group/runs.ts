import type { Generation } from '../lease.ts'
import { invariant } from '../machine.ts'
import type { Instant } from '../time.ts'
import type { CoordinatorOptions } from './coordinator-io.ts'
import type { Group } from './group.ts'
import { type InstantDesk, Instants, type RunEnd } from './instants.ts'
import type { Ledger } from './ledger.ts'
import type { Concluded, Leave, Renew } from './messages.ts'
import { type Once, onceOf } from './onces.ts'
import type { GroupEvent } from './reasons.ts'
import * as refusals from './refusals.ts'
import type { Address } from './session.ts'

/** What the runs of a coordinator get from it. */
export interface RunsHome {
  readonly ledger: Ledger
  generation(): Generation
  groupOf(name: string): Group | undefined
  forget(name: string): void
  emit(group: string, event: GroupEvent): void
  send(to: Address, message: Concluded): void
  /** Something was granted, or waits for another instant than before. */
  wakeBy(at: Instant | undefined): void
}

/** What is run once: while it is waited for or runs it is a group, and once it is over an entry among the instants. */
export class Runs {
  readonly #instants: Instants | undefined
  readonly #home: RunsHome
  /** Groups that wait for what is being written, or run. */
  readonly #open = new Set<string>()
  /** When the last message came: groups are opened by nothing else. */
  #now: Instant
  /** In the present step. */
  readonly #ended = new Set<string>()

  constructor({ wallMs, startedAt, once }: Pick<CoordinatorOptions, 'wallMs' | 'startedAt' | 'once'>, home: RunsHome) {
    this.#home = home
    this.#now = startedAt
    if (wallMs === undefined) return
    this.#instants = new Instants(
      { wallMs, startedAt, ...once },
      { ledger: home.ledger, generation: () => home.generation(), onMarked: (now) => this.#marked(now) },
    )
  }

  read(wallMs: number | undefined, now: Instant): void {
    this.#now = now
    if (wallMs !== undefined) this.#instants?.read(wallMs, now)
  }

  /** Of a group that is being opened. */
  open(group: string): InstantDesk | undefined {
    const once = onceOf(group)
    if (once === undefined) return undefined
    const desk = this.#instants?.deskOf(once, this.#now)
    invariant(desk !== undefined, 'without a wall clock nobody is let in')
    this.#open.add(group)
    return desk
  }

  closed(group: string): void {
    this.#open.delete(group)
  }

  /** What is said in place of an answer of the group: it is over, or cannot be waited for. */
  answer(message: Renew, now: Instant): Concluded | refusals.Refusal | undefined {
    const once = onceOf(message.group)
    if (once === undefined) return undefined
    if (this.#instants === undefined) return refusals.READS_NO_WALL_CLOCK
    const end = this.#instants.concluded(message.group, now)
    if (end !== undefined) return concludedFor(message, end)
    // Whoever runs it already, goes on.
    const aheadMs = this.#home.groupOf(message.group)?.epoch ? 0 : this.#instants.aheadMs(once.atMs, now)
    return aheadMs > 0 && message.holding.length + message.draining.length === 0
      ? refusals.tooEarly(once.atMs, aheadMs)
      : undefined
  }

  /** A report that no group can take: of a run that was lost to us, or begun under an earlier coordinator. */
  left({ group, ran }: Leave, now: Instant): void {
    const once = onceOf(group)
    if (once === undefined || ran === undefined || this.#instants?.believes(group, once, ran, now) !== true) return
    this.#conclude(group, once, { conclusion: ran.outcome, token: ran.token }, now)
  }

  ended(group: string): void {
    this.#ended.add(group)
  }

  /** Ends a step: what is over is told to everybody who is there, and then it is no group any more. */
  conclude(now: Instant): void {
    if (this.#ended.size === 0) return
    for (const name of this.#ended) {
      const group = this.#home.groupOf(name)
      const once = onceOf(name)
      if (group?.end === undefined || once === undefined) continue
      this.#conclude(name, once, group.end, now)
      // Nobody has a session there any more.
      for (const { id: member, bootId, address } of group.sessions.values()) {
        this.#home.send(address, concludedFor({ group: name, member, bootId }, group.end))
      }
      this.#home.forget(name)
    }
    this.#ended.clear()
  }

  #conclude(group: string, once: Once, end: RunEnd, now: Instant): void {
    this.#instants?.conclude(group, once, end, now)
    const event = eventOf(end)
    if (event !== undefined) this.#home.emit(group, event)
  }

  #marked(now: Instant): void {
    for (const name of this.#open) {
      const group = this.#home.groupOf(name)
      group?.advance(now)
      this.#home.wakeBy(group?.wakeAt())
    }
  }
}

const concludedFor = (
  { group, member, bootId }: Pick<Renew, 'group' | 'member' | 'bootId'>,
  { conclusion }: RunEnd,
): Concluded => {
  return { type: 'concluded', group, member, bootId, conclusion }
}

const eventOf = ({ conclusion, member, token }: RunEnd): GroupEvent | undefined => {
  if (token === undefined || conclusion === 'unknown') return undefined
  if (conclusion === 'lost') return member === undefined ? undefined : { type: 'once.lost', member, epoch: token }
  const finished = { type: 'once.finished', epoch: token, outcome: conclusion } as const
  return member === undefined ? finished : { ...finished, member }
}
