// Looking through the logs of all machines at once, and fetching one of them.
//
// Each machine runs `keepLogs` in a process of its own; whoever wants to know something runs `search` or `fetchLog` in another one. All
// they share is the address of a server (`caucus serve`): each connects with `connect(remote('http://server:8989'))`. A machine that is
// slow, broken or gone is named, and nobody waits for it.
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import type { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Caucus, Producer, ReplyStream } from 'caucus'

interface Query {
  readonly word: string
  /** So many lines are enough. */
  readonly most: number
}
interface Found {
  readonly lines: readonly string[]
}

/** One machine's part: it looks through its own log, and gives it to whoever wants all of it. */
export const keepLogs = (caucus: Caucus, machine: string, file: string): readonly Producer[] => [
  caucus.topic<Query, Found>('logs.search').produce(
    async ({ word, most }, { signal }) => {
      const lines: string[] = []
      // The signal ends the reading when nobody waits for the answer any more.
      const input = createReadStream(file, { signal })
      try {
        for await (const line of createInterface({ input })) {
          if (line.includes(word) && lines.push(line) >= most) break
        }
      } finally {
        input.destroy()
      }
      return { lines }
    },
    { id: machine, concurrency: 4 },
  ),
  // A file is far too long for one message: it is read as fast as the asker takes it, piece by piece.
  caucus.topic<null, ReplyStream>('logs.fetch').produce(() => createReadStream(file), { id: machine, concurrency: 4 }),
]

/** What was found where, and which machines could not say. */
export const search = async (caucus: Caucus, word: string, withinMs: number) => {
  const logs = caucus.topic<Query, Found>('logs.search')
  const { replies, errors, missing, code } = await logs.gather({ word, most: 100 }, { withinMs })
  if (code === 'CAUCUS_NO_RESPONDERS') return { found: {}, failed: {}, missing: [] }
  return {
    found: Object.fromEntries(replies.map(({ from, value }) => [from, value.lines])),
    failed: Object.fromEntries(errors.map(({ from, error }) => [from, error.message])),
    missing,
  }
}

/** Writes the whole log of one machine. Rejects when that machine is not there, or goes away in the middle. */
export const fetchLog = async (caucus: Caucus, machine: string, to: Writable, withinMs: number): Promise<void> => {
  // The limit is for the beginning: a stream that has begun takes as long as its reader.
  const { replies, errors } = await caucus.topic<null, ReplyStream>('logs.fetch').gather(null, {
    to: { id: machine },
    withinMs,
  })
  const [reply] = replies
  if (reply === undefined) throw errors[0]?.error ?? new Error(`${machine} is not there`)
  await pipeline(reply.value, to, { end: false })
}
