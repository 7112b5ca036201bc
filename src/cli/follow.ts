import { setTimeout as sleep } from 'node:timers/promises'
import { CaucusError, isCaucusError } from '../errors.ts'
import { type Api, chunksOf, describeBreak, request } from './api.ts'
import type { Logger } from './logging.ts'
import { pathOf } from './one-group.ts'
import { readEvents, type ServerSentEvent } from './sse.ts'

/** A quiet group, or one whose name is misspelt, would look as if nothing had been done. */
const WATCHING = 'watching; events are shown as they happen, and --last N shows the newest before'
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 5_000

/**
 * The events of a group as they come, until `signal` aborts: then it rejects with its reason, as it does with what another try would not mend. A
 * stream that breaks is resumed where it broke.
 */
export const follow = async (
  api: Api,
  { group, from }: { readonly group: string; readonly from: string | undefined },
  logger: Logger,
  signal: AbortSignal,
  tell: (message: ServerSentEvent) => void,
): Promise<void> => {
  let last = from
  let broken = false
  let pauseMs = FIRST_PAUSE_MS
  for (;;) {
    let opened = false
    try {
      signal.throwIfAborted()
      const headers = last === undefined ? {} : { 'last-event-id': last }
      const response = await request(api, pathOf(group, 'events'), { signal, headers })
      opened = true
      logger.info({ event: 'stream.opened', url: response.url, after: last ?? 'now' }, WATCHING)
      pauseMs = FIRST_PAUSE_MS
      // Without an event to resume from nobody knows what happened while the stream was broken.
      if (broken && last === undefined) tell(UNKNOWN_GAP)
      for await (const message of readEvents(chunksOf(response.body ?? emptyBody(), signal))) {
        last = message.id ?? last
        tell(message)
      }
      logger.warn({ event: 'stream.lost' }, 'the server ended the stream; watching again')
    } catch (error) {
      signal.throwIfAborted()
      if (isFinal(error)) throw error
      const why = describeBreak(error)
      if (opened) logger.warn({ event: 'stream.lost' }, `the stream broke (${why}); watching again`)
      else logger.warn({ event: 'connection.failed' }, `nothing to watch: ${why}; still trying`)
    }
    broken ||= opened
    await sleep(pauseMs, undefined, { signal })
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)
  }
}

const UNKNOWN_GAP: ServerSentEvent = { id: undefined, event: 'gap', data: '{"type":"gap","dropped":null}' }

/** Another try would say the same: a wrong token, a wrong name. */
const isFinal = (error: unknown): boolean => isCaucusError(error) && !error.retriable

const emptyBody = (): never => {
  throw new CaucusError('CAUCUS_PROTOCOL', 'the server answered with no stream')
}
