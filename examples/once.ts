// A cron on every replica: all of them call for the same instants, one runs each, and all know what came of it.
//
// Every replica works out the same instants from the same schedule (here: every whole minute), so nobody has to say who is in charge.
//
// Against a server:   caucus serve --listen tcp:8989    then, as often as you like:   node --import tsx examples/once.ts http://127.0.0.1:8989
import { hostname } from 'node:os'
import { fileURLToPath } from 'node:url'
import { type Caucus, connect, isCaucusError, type OnceRun, remote } from 'caucus'

/** What came of one instant, as this replica knows it. */
export interface Outcome {
  readonly at: Date
  readonly what: 'ran' | 'done elsewhere' | 'failed elsewhere' | 'failed here' | 'lost' | 'unknown'
}

export interface Cron {
  readonly name: string
  /** Of this replica: who is said to have run it. */
  readonly id: string
  /** The instants, rising. They must be the same on every replica: from the schedule, never from "now". */
  readonly instants: Iterable<Date> | AsyncIterable<Date>
  run(run: OnceRun): unknown
  readonly signal: AbortSignal
}

/** Yields what came of each instant; ends with them, or with the signal. */
export async function* cron(caucus: Caucus, { instants, ...job }: Cron): AsyncGenerator<Outcome, void> {
  for await (const at of instants) {
    if (job.signal.aborted) return
    yield { at, what: await outcomeOf(caucus, { at, ...job }) }
  }
}

const outcomeOf = async (
  caucus: Caucus,
  { name, id, at, run, signal }: Omit<Cron, 'instants'> & { readonly at: Date },
): Promise<Outcome['what']> => {
  let began = false
  const work = (turn: OnceRun) => {
    began = true
    return run(turn)
  }
  try {
    const result = await caucus.once(name, at, work, { id, signal })
    if (result.ran) return 'ran'
    return result.because === 'done' ? 'done elsewhere' : 'failed elsewhere'
  } catch (error) {
    signal.throwIfAborted()
    // Neither is run again: somebody has to look at how far it came.
    if (isCaucusError(error) && error.code === 'CAUCUS_ONCE_LOST') return 'lost'
    if (isCaucusError(error) && error.code === 'CAUCUS_ONCE_UNKNOWN') return 'unknown'
    if (began) return 'failed here'
    throw error
  }
}

/** Every whole minute from now on. */
function* minutes(): Generator<Date> {
  for (let at = Math.ceil(Date.now() / 60_000); ; at++) yield new Date(at * 60_000)
}

const main = async (url: string): Promise<void> => {
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort(new Error('interrupted')))
  await using caucus = await connect(remote(url))
  const report = async ({ at, token }: OnceRun) => {
    console.log(`${at.toISOString()}: this replica sends the report, with the token ${token}`)
  }
  for await (const { at, what } of cron(caucus, {
    name: 'report',
    id: `${hostname()}-${process.pid}`,
    instants: minutes(),
    run: report,
    signal: stop.signal,
  })) {
    console.log(`${at.toISOString()}: ${what}`)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(process.argv[2] ?? 'http://127.0.0.1:8989').catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  })
}
