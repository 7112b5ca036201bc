// A scheduler that runs on every replica and works on one: whoever leads does what is due, and marks it with its token.
//
// What a leader writes goes to storage that refuses lower tokens than the highest it has seen, so that one that was stopped in the middle of a
// write, and goes on when somebody else leads, changes nothing any more.
//
// Against a server:   caucus serve --listen tcp:8989    then, as often as you like:   node --import tsx examples/elect.ts http://127.0.0.1:8989
import { hostname } from 'node:os'
import { fileURLToPath } from 'node:url'
import { type Caucus, connect, remote, type Tenure } from 'caucus'

/** Where the results go. It stands for a row with a fence: `UPDATE … SET token = $1 WHERE token <= $1`, in the transaction that writes. */
export class Journal {
  readonly entries: string[] = []
  #token = 0

  /** Throws when somebody with a higher token has been here. */
  write(entry: string, token: number): void {
    if (token < this.#token) throw new Error(`token ${token} is older than ${this.#token}; stop writing`)
    this.#token = token
    this.entries.push(entry)
  }
}

export interface Schedule {
  /** What is due, as it becomes due; ends with the signal. */
  due(signal: AbortSignal): AsyncIterable<string>
  readonly journal: Journal
}

/** Leads whenever it is this replica's turn, until `signal` is aborted or nothing is due any more. */
export const runScheduler = async (caucus: Caucus, { due, journal }: Schedule, signal: AbortSignal): Promise<number> =>
  caucus.election('scheduler').lead(
    async (tenure: Tenure) => {
      let done = 0
      for await (const job of due(tenure.signal)) {
        // Asked again for each job: it may have taken long to come.
        if (!tenure.held) break
        journal.write(job, tenure.token)
        done++
      }
      // Nothing counts as done that was cut short: then it is campaigned for again.
      tenure.signal.throwIfAborted()
      return done
    },
    { metadata: { host: hostname(), pid: process.pid }, signal },
  )

const main = async (url: string): Promise<void> => {
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort(new Error('interrupted')))
  await using caucus = await connect(remote(url))
  void (async () => {
    for await (const leader of caucus.election('scheduler').observe({ signal: stop.signal })) {
      console.log(leader === undefined ? 'nobody leads' : `${leader.id} leads with the token ${leader.token}`)
    }
  })().catch(() => undefined /* the signal */)
  await caucus.election('scheduler').lead(
    async ({ token, signal }) => {
      console.log(`this process leads with the token ${token}`)
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    },
    { signal: stop.signal },
  )
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(process.argv[2] ?? 'http://127.0.0.1:8989').catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  })
}
