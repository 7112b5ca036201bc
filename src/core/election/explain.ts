import { quoted } from '../group/explain/quoted.ts'
import { agoOf, listOf } from '../group/explain/words.ts'
import type { LossReason } from './io.ts'
import type { Term } from './messages.ts'
import type { LeadershipEvent, LeadershipMoment, LeadershipPast } from './past.ts'

/** Who leads at the moment that is to be explained, and who could elect another one. */
export interface LeadershipView {
  /** Whose view it is. */
  readonly identifier: string
  readonly leader?: { readonly identifier: string; readonly term: Term } | undefined
  /** How many voters there are, and see each other; not known of the past. */
  readonly seen?: { readonly voters: number; readonly there: number; readonly quorum: number } | undefined
  readonly waitingFor?: readonly string[] | undefined
}

export interface LeadershipExplanation {
  readonly sentence: string
  /** What happened that made it so, oldest first. */
  readonly events: readonly LeadershipMoment[]
  /** A part of the answer lies before what is known. */
  readonly forgotten: boolean
}

type Of<Type extends LeadershipEvent['type']> = Extract<LeadershipEvent, { readonly type: Type }>

interface Step<Type extends LeadershipEvent['type']> {
  readonly at: number
  readonly atMs: number
  readonly event: Of<Type>
}

/** Says in one sentence why this peer of a cluster leads, or why none does, from what one of its peers has seen until that moment. */
export const explainLeadership = (view: LeadershipView, past: LeadershipPast): LeadershipExplanation => {
  const trail = new LeadershipTrail(past)
  const sentence = view.leader === undefined ? nobody(view, trail) : leads(view, trail, view.leader)
  return { sentence: `${sentence}.`, events: trail.cited, forgotten: trail.fellShort }
}

/** Who led after the last of these events, as far as they tell. */
export const leaderAfter = (events: readonly LeadershipMoment[]): LeadershipView['leader'] => {
  const last = events.findLast(({ event }) => event.type === 'leader.elected' || event.type === 'leader.lost')?.event
  return last?.type === 'leader.elected' ? { identifier: last.leader.id, term: last.leader.term } : undefined
}

class LeadershipTrail {
  readonly #past: LeadershipPast
  readonly #used = new Set<number>()
  fellShort = false

  constructor(past: LeadershipPast) {
    this.#past = past
  }

  get cited(): readonly LeadershipMoment[] {
    return this.#past.events.filter((_event, at) => this.#used.has(at))
  }

  latest<Type extends LeadershipEvent['type']>(
    type: Type,
    before = this.#past.events.length,
    is: (event: Of<Type>) => boolean = () => true,
  ): Step<Type> | undefined {
    for (let at = before - 1; at >= 0; at--) {
      const { event, atMs } = this.#past.events[at] as LeadershipMoment
      if (event.type === type && is(event as Of<Type>)) return { at, atMs, event: event as Of<Type> }
    }
    return undefined
  }

  when({ at, atMs }: { readonly at: number; readonly atMs: number }): string {
    this.#used.add(at)
    return agoOf(atMs, this.#past.nowMs)
  }

  lost(): string {
    this.fellShort = true
    const { forgotten, sinceMs, nowMs } = this.#past
    if (forgotten) return 'the events before that are forgotten'
    return `this peer has recorded since ${agoOf(sinceMs, nowMs)} and knows nothing from before`
  }
}

const leads = (view: LeadershipView, trail: LeadershipTrail, leader: NonNullable<LeadershipView['leader']>): string => {
  const { identifier, term } = leader
  const head = `${quoted(identifier)} leads in term ${term}`
  const is = ({ leader: { id, term: of } }: Of<'leader.elected'>) => id === identifier && of === term
  // A lease that ran out for a moment is told of again in the same term: the election was the first of them.
  const elected = firstOf(trail, is)
  if (elected === undefined) return `${head}, and how it came to that is not known: ${trail.lost()}`
  return `${head} since ${trail.when(elected)}, ${whyElected(view, trail, elected)}`
}

const firstOf = (trail: LeadershipTrail, is: (event: Of<'leader.elected'>) => boolean) => {
  let first = trail.latest('leader.elected', undefined, is)
  for (let earlier = first; earlier !== undefined; earlier = trail.latest('leader.elected', earlier.at, is)) {
    first = earlier
  }
  return first
}

const whyElected = (view: LeadershipView, trail: LeadershipTrail, elected: Step<'leader.elected'>): string => {
  const founded = trail.latest('cluster.founded', elected.at)
  const lost = trail.latest('leader.lost', elected.at)
  const before = trail.latest('leader.elected', elected.at)
  const stood = standing(view, trail, elected)
  // Whoever is elected itself has no time to notice the end of the one before.
  if (before !== undefined && before.at > (lost?.at ?? -1)) {
    const { id, term } = before.event.leader
    return `after ${quoted(id)}, which led in term ${term} since ${trail.when(before)}, was heard no more${stood}`
  }
  if (lost === undefined) {
    if (founded !== undefined) return `the first since the cluster was founded ${trail.when(founded)}${stood}`
    return `the first of whom ${quoted(view.identifier)} knows${stood}; ${trail.lost()}`
  }
  return `after ${endOf(trail, lost)}${stood}`
}

/** Which vote it won, where that was one's own. */
const standing = (view: LeadershipView, trail: LeadershipTrail, elected: Step<'leader.elected'>): string => {
  const { id, term } = elected.event.leader
  if (id !== view.identifier) return ''
  const stood = trail.latest('election.started', elected.at, (event) => event.term === term)
  return stood === undefined ? '' : `; it had stood for election ${trail.when(stood)}, ${STOOD[stood.event.because]}`
}

const STOOD: Readonly<Record<Of<'election.started'>['because'], string>> = {
  silence: 'when no leader was heard',
  transfer: 'when the leader handed over to it',
  outranked: 'when a later term was met',
}

const ENDS: Readonly<Record<LossReason, string>> = {
  silent: 'was not heard any more for as long as an election waits',
  lapsed: 'said that its own lease had run out',
  transferred: 'handed over',
  stopped: 'stopped in good order',
  outranked: 'met a later term than its own',
  noMajority: 'had no majority with it any more',
  replaced: 'was followed by another leader before its silence was noticed',
  ended: 'ended, or let go: its tether closed',
}

const endOf = (trail: LeadershipTrail, lost: Step<'leader.lost'>): string => {
  const { leader, because } = lost.event
  return `${quoted(leader.id)}, which led in term ${leader.term}, ${ENDS[because]} ${trail.when(lost)}`
}

const nobody = (view: LeadershipView, trail: LeadershipTrail): string => {
  const lost = trail.latest('leader.lost')
  const parts = [lost === undefined ? `nobody has led, as far as ${quoted(view.identifier)} knows` : endOf(trail, lost)]
  const stood = trail.latest('election.started')
  if (stood !== undefined && stood.at > (lost?.at ?? -1)) {
    parts.push(`${quoted(view.identifier)} stood for election in term ${stood.event.term} ${trail.when(stood)}`)
  }
  if (lost === undefined) trail.lost()
  return `Nobody leads: ${listOf(parts)}${awaited(view)}`
}

const awaited = ({ seen, waitingFor = [] }: LeadershipView): string => {
  if (waitingFor.length > 0) return `; ${listOf(waitingFor.map(quoted))} must be there first`
  if (seen === undefined) return ''
  const { voters, there, quorum } = seen
  if (there >= quorum) return '; an election is under way'
  return `; ${there} of ${voters} voters ${there === 1 ? 'is' : 'are'} seen from here, and ${quorum} have to agree`
}
