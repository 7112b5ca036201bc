import { setTimeout as sleep } from 'node:timers/promises'
import { type Command, InvalidArgumentError } from 'commander'
import type { GroupEvent } from '../../core/group/reasons.ts'
import { CaucusError, isCaucusError } from '../../errors.ts'
import type { RecordedEvent } from '../../ports/hosting.ts'
import { revisionFault } from '../../wire/http.ts'
import { MAX_HISTORY } from '../../wire/operator.ts'
import { type Api, chunksOf, describeBreak, request } from '../api.ts'
import type { CommandModule } from '../command.ts'
import { UsageError } from '../errors.ts'
import type { Logger } from '../logging.ts'
import {
  addGroupOptions,
  apiOf,
  describeEvent,
  fetchHistory,
  groupOf,
  isObject,
  NOT_OURS,
  type OneGroupOptions,
  pathOf,
} from '../one-group.ts'
import { addLogOptions, type LogSettings, loggerOf, wholeNumber } from '../options.ts'
import { readEvents, type ServerSentEvent } from '../sse.ts'
import { onStop } from '../stopping.ts'

interface Options extends OneGroupOptions, LogSettings {
  readonly last?: number
  readonly after?: string
}

const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 5_000

const HELP = `
It goes on until it is stopped. A stream that breaks is resumed where it broke; what the server has forgotten meanwhile is told as a gap.
With --json each line is one event, { revision, atMs, group, event }, or { type: "gap", dropped }.`

const revision = (text: string): string => {
  if (revisionFault(text) !== undefined)
    throw new InvalidArgumentError('Give the revision of an event, such as 1790000000-12.')
  return text
}

export const define: CommandModule['define'] = (command: Command, run) => {
  const own = () =>
    command
      .option('--last <n>', 'first the newest n events that the server still knows', wholeNumber(1, MAX_HISTORY))
      .option('--after <revision>', 'first what came after this event', revision)
  addLogOptions(addGroupOptions(command, own))
    .addHelpText('after', HELP)
    .action((argument: string | undefined, options: Options) => run(() => watch(argument, options)))
}

/** Prints events until it is stopped. A stream that breaks is resumed where it broke; what the server forgot meanwhile is a gap. */
const watch = async (argument: string | undefined, options: Options): Promise<number> => {
  const group = groupOf(argument, options)
  if (options.last !== undefined && options.after !== undefined) {
    throw new UsageError('--last and --after both say where to begin; give one of them')
  }
  const api = apiOf(options)
  const tell = (message: ServerSentEvent) => {
    process.stdout.write(`${options.json ? message.data : describe(message)}\n`)
  }
  const stopping = new AbortController()
  let exitCode = 0
  const quiet = onStop(
    (stop) => {
      exitCode = stop.exitCode
      stopping.abort()
    },
    ({ exitCode }) => process.exit(exitCode),
  )
  try {
    const from = options.last === undefined ? options.after : await tellLast(api, group, options.last, tell)
    await follow(api, { group, from }, loggerOf(options), stopping.signal, tell)
  } catch (error) {
    if (!stopping.signal.aborted) throw error
  } finally {
    quiet()
  }
  return exitCode
}

/** Resolves with the revision of the last one; `undefined` when there is nothing to tell yet. */
const tellLast = async (
  api: Api,
  group: string,
  count: number,
  tell: (message: ServerSentEvent) => void,
): Promise<string | undefined> => {
  const { events } = await pastOf(api, group, count)
  for (const recorded of events) {
    const { revision, event } = recorded
    tell({ id: revision, event: event.type, data: JSON.stringify(recorded) })
  }
  return events.at(-1)?.revision
}

const pastOf = async (api: Api, group: string, limit: number): Promise<{ events: readonly RecordedEvent[] }> => {
  try {
    return await fetchHistory(api, group, { limit })
  } catch (error) {
    // A group that is not there yet may be watched.
    if (isCaucusError(error) && error.code === 'CAUCUS_NOT_FOUND') return { events: [] }
    throw error
  }
}

const follow = async (
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
      logger.debug({ url: response.url, after: last ?? 'now' }, 'watching')
      pauseMs = FIRST_PAUSE_MS
      // Without an event to resume from nobody knows what happened while the stream was broken.
      if (broken && last === undefined) tell(UNKNOWN_GAP)
      for await (const message of readEvents(chunksOf(response.body ?? emptyBody(), signal))) {
        last = message.id ?? last
        tell(message)
      }
      logger.warn({}, 'the server ended the stream; watching again')
    } catch (error) {
      signal.throwIfAborted()
      if (isFinal(error)) throw error
      const why = describeBreak(error)
      logger.warn({}, opened ? `the stream broke (${why}); watching again` : `nothing to watch: ${why}; still trying`)
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

interface Told {
  readonly atMs?: number
  readonly event?: GroupEvent
  readonly dropped?: number | null
}

/** A gap, or an event of which at least the type is known. */
const isTold = (data: unknown): data is Told =>
  isObject(data) && (!('event' in data) || (isObject(data.event) && 'type' in data.event))

const describe = ({ data }: ServerSentEvent): string => {
  const told: unknown = JSON.parse(data)
  if (!isTold(told)) throw new CaucusError('CAUCUS_PROTOCOL', NOT_OURS)
  if (told.event === undefined) return `-- gap: ${told.dropped ?? 'unknown many'} events are missing here`
  return describeEvent({ atMs: told.atMs ?? 0, event: told.event })
}
