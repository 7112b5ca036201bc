import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import { explain, type GroupEvent } from '../../core/group/reasons.ts'
import { CaucusError, isCaucusError } from '../../errors.ts'
import { type Api, chunksOf, describeBreak, request } from '../api.ts'
import { tlsOf } from '../client-tls.ts'
import type { CommandModule } from '../command.ts'
import { UsageError } from '../errors.ts'
import { clean, type Logger } from '../logging.ts'
import {
  addLogOptions,
  addServerOptions,
  groupName,
  type LogSettings,
  loggerOf,
  type ServerSettings,
  serversOf,
  tokenOf,
} from '../options.ts'
import { readEvents, type ServerSentEvent } from '../sse.ts'
import { onStop } from '../stopping.ts'

interface Options extends ServerSettings, LogSettings {
  readonly json?: boolean
  readonly group?: string
}

const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 5_000

export const define: CommandModule['define'] = (command: Command, run) => {
  command.argument('[group]', 'the group', groupName).option('--group <name>', 'the same', groupName)
  addLogOptions(addServerOptions(command))
    .option('--json', 'one JSON object a line')
    .action((group: string | undefined, options: Options) => run(() => watch({ ...options, ...(group && { group }) })))
}

/** Prints events until it is stopped. A stream that breaks is resumed where it broke; what the server forgot meanwhile is a gap. */
const watch = async (options: Options): Promise<number> => {
  const { group } = options
  if (group === undefined) throw new UsageError('name the group whose events you want to see: caucus watch GROUP')
  const api = { servers: serversOf(options), token: tokenOf(options), tls: tlsOf(options) }
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
    await follow(api, group, loggerOf(options), stopping.signal, (message) => {
      process.stdout.write(`${options.json ? message.data : describe(message)}\n`)
    })
  } catch (error) {
    if (!stopping.signal.aborted) throw error
  } finally {
    quiet()
  }
  return exitCode
}

const follow = async (
  api: Api,
  group: string,
  logger: Logger,
  signal: AbortSignal,
  tell: (message: ServerSentEvent) => void,
): Promise<void> => {
  let last: string | undefined
  let broken = false
  let pauseMs = FIRST_PAUSE_MS
  for (;;) {
    let opened = false
    try {
      signal.throwIfAborted()
      const headers = last === undefined ? {} : { 'last-event-id': last }
      const response = await request(api, `/v1/groups/${encodeURIComponent(group)}/events`, { signal, headers })
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

const describe = ({ event, data }: ServerSentEvent): string => {
  const told: { atMs?: number; event?: GroupEvent; dropped?: number | null } = JSON.parse(data)
  if (told.event === undefined) return `-- gap: ${told.dropped ?? 'unknown many'} events are missing here`
  const time = new Date(told.atMs ?? 0).toISOString().slice(11, 23)
  return `${time} ${event.padEnd(17)} ${clean(explain(told.event) ?? JSON.stringify(told.event))}`
}
