import type { ErrorCode } from '../../errors.ts'
import type { Instant, Millis } from '../time.ts'
import type { Ending, TopicRates, Until } from './messages.ts'

/**
 * What became of one who was asked. `waiting`: nothing yet; `timeout`: nothing within the limit; `left`: it went away before; `released`: the
 * ask needed it no more.
 */
export type Outcome = 'waiting' | 'reply' | 'error' | 'refused' | 'left' | 'timeout' | 'released'

export const OUTCOMES: readonly Outcome[] = ['waiting', 'reply', 'error', 'refused', 'left', 'timeout', 'released']

/** One who was asked. */
export interface AskLane {
  /** The producer's id. */
  readonly id: string
  readonly outcome: Outcome
  /** How long after the ask had begun; absent: nothing yet, or nobody looked then. */
  readonly afterMs?: Millis
  /** Of an error. */
  readonly code?: ErrorCode
}

/** One ask as it looks from outside: who was asked, what became of each and when, and nothing of what was said. */
export interface AskSight {
  /** Names it, among those of one watch. */
  readonly ask: number
  /** How long ago it began. */
  readonly ageMs: Millis
  readonly withinMs: Millis
  readonly until: Until
  readonly expected: number
  /** How many of them have come to what; those who wait are the others. */
  readonly replied: number
  readonly errors: number
  readonly missing: number
  readonly released: number
  /** One for each who was asked, in the order of their registration. Of very many only some: those first who have not replied. */
  readonly lanes: readonly AskLane[]
  /** How it ended; absent while it is under way. */
  readonly ending?: Ending
  readonly tookMs?: Millis
}

/** How a topic is used, without who is on it. */
export interface TopicUse {
  readonly producers: number
  readonly listeners: number
  readonly rates: TopicRates
}

/** What somebody who watches a topic is told, again and again: what is new since the last time. */
export interface AsksSeen extends Partial<TopicUse> {
  readonly type: 'asks'
  /** What was told before is to be forgotten: `asks` are all that are kept. The first is so. */
  readonly anew: boolean
  /** Those that are new or have changed, oldest first. */
  readonly asks: readonly AskSight[]
  /** So many others there were: more than anybody could follow. */
  readonly untold: number
}

/** So many lanes are shown of one ask. */
export const MAX_LANES = 24

interface Sighted {
  readonly number: number
  readonly asked: {
    readonly until: Until
    readonly startedAt: Instant
    readonly withinMs: Millis
    readonly seats: readonly { readonly id: string }[]
  }
  readonly outcomes: Uint8Array
  readonly afterMs: Float64Array
  readonly codes: ReadonlyMap<number, ErrorCode> | undefined
  readonly ending: Ending | undefined
  readonly tookMs: Millis | undefined
}

/** Whose lane is shown where not all are. */
const isNotable = (outcome: Outcome): boolean => outcome !== 'reply' && outcome !== 'released'

export const sightOf = (ask: Sighted, now: Instant): AskSight => {
  const { asked, outcomes, ending, tookMs } = ask
  const counts = new Uint32Array(OUTCOMES.length)
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] as number) + 1
  const count = (outcome: Outcome): number => counts[OUTCOMES.indexOf(outcome)] as number
  return {
    ask: ask.number,
    ageMs: rounded(now - asked.startedAt),
    withinMs: asked.withinMs,
    until: asked.until,
    expected: outcomes.length,
    replied: count('reply'),
    errors: count('error') + count('refused'),
    missing: count('timeout') + count('left'),
    released: count('released'),
    lanes: shownOf(ask).map((seat) => laneOf(ask, seat)),
    ...(ending !== undefined && { ending }),
    ...(tookMs !== undefined && { tookMs: rounded(tookMs) }),
  }
}

const laneOf = ({ asked, outcomes, afterMs, codes }: Sighted, seat: number): AskLane => {
  const after = afterMs[seat] as number
  const code = codes?.get(seat)
  return {
    id: asked.seats[seat]?.id ?? '',
    outcome: outcomeAt(outcomes, seat),
    ...(!Number.isNaN(after) && { afterMs: rounded(after) }),
    ...(code !== undefined && { code }),
  }
}

const outcomeAt = (outcomes: Uint8Array, seat: number): Outcome => OUTCOMES[outcomes[seat] as number] as Outcome

/** The seats that are shown, in their order. */
const shownOf = ({ outcomes }: Sighted): readonly number[] => {
  if (outcomes.length <= MAX_LANES) return [...outcomes.keys()]
  const notable: number[] = []
  const others: number[] = []
  for (let seat = 0; seat < outcomes.length && notable.length < MAX_LANES; seat++) {
    if (isNotable(outcomeAt(outcomes, seat))) notable.push(seat)
    else if (others.length < MAX_LANES) others.push(seat)
  }
  return [...notable, ...others.slice(0, MAX_LANES - notable.length)].sort((a, b) => a - b)
}

const rounded = (ms: Millis): Millis => Math.round(ms * 100) / 100
