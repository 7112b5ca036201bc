import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Caucus, isCaucusError } from '../../index.ts'
import { clockNs } from './things.ts'

/** One line of an ask log: an ask began, or ended with that outcome. */
export interface AskRecord {
  readonly who: string
  readonly ask: number
  readonly atNs: number
  /** `replied`, why nobody did, or the code of the error. Not there: it began. */
  readonly outcome?: string
}

export interface AskerOptions {
  readonly who: string
  readonly log: string
  readonly everyMs: number
  readonly signal: AbortSignal
}

const TOPIC = 'echo'
const WITHIN_MS = 400
const MOST_AT_ONCE = 100

/**
 * Answers on the trial's topic, and asks everybody there every few milliseconds, whatever becomes of the asks before; writes down when each
 * began and how it ended.
 */
export const askAlways = async (caucus: Caucus, { who, log, everyMs, signal }: AskerOptions): Promise<void> => {
  const topic = caucus.topic<{ ask: number }, string>(TOPIC)
  const write = (record: AskRecord) => appendFileSync(log, `${JSON.stringify(record)}\n`)
  await topic.produce(async ({ ask }) => `${who} heard ${ask}`, { id: who, concurrency: 16 })
  let underWay = 0
  for (let ask = 0; !signal.aborted; ask++) {
    await sleep(everyMs)
    if (underWay >= MOST_AT_ONCE) continue
    underWay++
    write({ who, ask, atNs: clockNs() })
    const told = (outcome: string) => {
      underWay--
      write({ who, ask, atNs: clockNs(), outcome })
    }
    // Not waited for: an ask that takes its time must not keep the next one.
    topic.gather({ ask }, { withinMs: WITHIN_MS, until: 'all' }).then(
      ({ replies, code, ending }) => told(replies.length > 0 ? 'replied' : (code ?? ending)),
      (error: unknown) => told(isCaucusError(error) ? error.code : `${error}`),
    )
  }
}
