import type { ElectionEvent, KnownLeader } from './io.ts'

type Of<Type extends ElectionEvent['type']> = Extract<ElectionEvent, { readonly type: Type }>

/** Without its boot id, which is between peers. */
type PastLeader = Pick<KnownLeader, 'id' | 'term' | 'token'>

/** What is told about who leads. */
export type LeadershipEvent =
  | Of<'election.started' | 'transfer.refused' | 'cluster.founded'>
  | { readonly type: 'leader.elected'; readonly leader: PastLeader }
  | { readonly type: 'leader.lost'; readonly leader: PastLeader; readonly because: Of<'leader.lost'>['because'] }

/** Something that happened to the lead of a cluster, and when one of its peers noticed. */
export interface LeadershipMoment {
  /** Wall clock of that peer. */
  readonly atMs: number
  readonly event: LeadershipEvent
}

/** What one peer still knows of who led before, oldest first. */
export interface LeadershipPast {
  readonly events: readonly LeadershipMoment[]
  /** Something before the first of them was dropped for lack of room. */
  readonly forgotten: boolean
  /** Since when this peer records. */
  readonly sinceMs: number
  /** The same clock, when this was asked. */
  readonly nowMs: number
}

const MOST = 256

/** The last of what happened to the lead, as one peer saw it: bounded. */
export class LeadershipLog {
  readonly #sinceMs: number
  readonly #events: LeadershipMoment[] = []
  #forgotten = false

  constructor(sinceMs: number) {
    this.#sinceMs = sinceMs
  }

  /** Keeps it if it is about who leads, and nothing else. */
  take(told: { readonly type: string }, atMs: number): void {
    if (!isAboutLeading(told)) return
    this.#events.push({ atMs, event: withoutBoot(told) })
    if (this.#events.length <= MOST) return
    this.#events.shift()
    this.#forgotten = true
  }

  past(nowMs: number): LeadershipPast {
    return { events: [...this.#events], forgotten: this.#forgotten, sinceMs: this.#sinceMs, nowMs }
  }
}

const withoutBoot = (event: Of<LeadershipEvent['type']>): LeadershipEvent => {
  if (event.type !== 'leader.elected' && event.type !== 'leader.lost') return event
  const { id, term, token } = event.leader
  return { ...event, leader: { id, term, token } }
}

const KEPT: readonly string[] = [
  'election.started',
  'leader.elected',
  'leader.lost',
  'transfer.refused',
  'cluster.founded',
] satisfies LeadershipEvent['type'][]

const isAboutLeading = (event: { readonly type: string }): event is Of<LeadershipEvent['type']> =>
  KEPT.includes(event.type)
