import type { AskLane, AskSight, AsksSeen, TopicUse } from '../../../src/core/dispatch/sight.ts'
import { countOf } from '../model/words.ts'

/** An ask, and when it began by the clock of this page: a server's clock is another one. */
export type ShownAsk = AskSight & { readonly beganAtMs: number }

export const FILTERS = ['all', 'under way', 'with a fault'] as const
export type Filter = (typeof FILTERS)[number]

/** As many as a server keeps. */
const MOST = 64

/** What is known of the asks of one topic, put together of what a stream says. */
export class Asks {
  readonly #asks = new Map<number, ShownAsk>()
  /** How many were not shown, since the stream began. */
  untold = 0
  /** `undefined`: nobody is on the topic. */
  use: TopicUse | undefined

  take(seen: AsksSeen, nowMs: number): void {
    if (seen.anew) this.#asks.clear()
    for (const ask of seen.asks) {
      const beganAtMs = this.#asks.get(ask.ask)?.beganAtMs ?? nowMs - ask.ageMs
      this.#asks.set(ask.ask, { ...ask, beganAtMs })
    }
    this.untold += seen.untold
    const { producers, listeners, rates } = seen
    this.use =
      producers === undefined || listeners === undefined || rates === undefined
        ? undefined
        : { producers, listeners, rates }
    for (const { ask, ending } of this.#asks.values()) {
      if (this.#asks.size <= MOST) break
      if (ending !== undefined) this.#asks.delete(ask)
    }
  }

  /** The newest first. */
  all(): readonly ShownAsk[] {
    return [...this.#asks.values()].sort((a, b) => b.ask - a.ask)
  }
}

export const isUnderWay = ({ ending }: AskSight): boolean => ending === undefined

const isFaulty = ({ errors, missing, ending }: AskSight): boolean => errors > 0 || missing > 0 || ending === 'nobody'

/** Those under way first, each kind the newest first. */
export const chosenOf = (asks: readonly ShownAsk[], filter: Filter): readonly ShownAsk[] => {
  const under = asks.filter(isUnderWay)
  const over = asks.filter((ask) => !isUnderWay(ask))
  if (filter === 'under way') return under
  return filter === 'all' ? [...under, ...over] : [...under, ...over].filter(isFaulty)
}

/** As long as it takes to read it. */
export const describeMs = (ms: number): string => {
  if (ms >= 9_950) return `${Math.round(ms / 1_000)} s`
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(1)} s`
  return `${ms >= 9.95 ? Math.round(ms) : Number(ms.toFixed(1))} ms`
}

const ENDINGS = {
  met: 'has what it wanted',
  exhausted: 'nobody is left to wait for',
  timeout: 'the limit is over',
  nobody: 'nobody was there',
  abandoned: 'called off',
} as const

/** How it stands with an ask, in a few words. */
export const describeAsk = ({ expected, replied, errors, missing, released, ending }: AskSight): string => {
  if (ending === 'nobody') return 'nobody was there to answer'
  const waiting = expected - replied - errors - missing - released
  const parts = [
    `${replied} of ${expected} replied`,
    ...(errors > 0 ? [`${errors} failed`] : []),
    ...(missing > 0 ? [`${missing} missing`] : []),
    ...(released > 0 ? [`${released} not needed`] : []),
    ...(waiting > 0 ? [`${waiting} at work`] : []),
  ]
  return ending === undefined ? parts.join(', ') : `${parts.join(', ')}: ${ENDINGS[ending]}`
}

export const toneOf = (ask: AskSight): 'good' | 'warn' | 'bad' | 'open' => {
  if (ask.missing > 0 || ask.ending === 'nobody') return 'bad'
  if (ask.errors > 0 || ask.ending === 'abandoned') return 'warn'
  return isUnderWay(ask) ? 'open' : 'good'
}

const OUTCOMES = {
  waiting: 'at work',
  reply: 'replied',
  error: 'failed',
  refused: 'refused',
  left: 'went away',
  timeout: 'no answer',
  released: 'not needed',
} as const

export const describeLane = ({ outcome, afterMs, code }: AskLane): string => {
  // A later server may know more.
  const what: string = OUTCOMES[outcome] ?? String(outcome)
  const when = afterMs === undefined ? '' : `${outcome === 'timeout' ? ' in' : ' after'} ${describeMs(afterMs)}`
  return `${what}${when}${code === undefined ? '' : `, ${code}`}`
}

/** How far the bars of an ask go, each as a part of the longest. What came at a time that nobody noted has none: any length would be a claim. */
export const lengthOf = ({ afterMs, outcome }: AskLane, fullMs: number): number => {
  if (afterMs === undefined && outcome !== 'waiting') return 0
  return Math.min(1, Math.max(0.004, (afterMs ?? fullMs) / Math.max(fullMs, 0.01)))
}

/** What it wants, where that is not everybody's reply. */
export const describeUntil = ({ until, withinMs }: AskSight): string => {
  const limit = `within ${describeMs(withinMs)}`
  if (until === 'all') return limit
  if (until === 'first') return `the first, ${limit}`
  return typeof until === 'number' ? `${countOf(until, 'reply', 'replies')}, ${limit}` : `until it is quiet, ${limit}`
}

/** A rate that fits into a cell. */
export const describeRate = (perSecond: number | undefined): string => {
  if (perSecond === undefined) return '–'
  if (perSecond === 0) return '0'
  if (perSecond < 0.1) return '< 0.1'
  return perSecond < 10 ? String(Number(perSecond.toFixed(1))) : Math.round(perSecond).toLocaleString('en')
}
