import { type Command, InvalidArgumentError } from 'commander'
import { isCaucusError } from '../../errors.ts'
import type { RecordedEvent } from '../../ports/hosting.ts'
import { revisionFault } from '../../wire/http.ts'
import { MAX_HISTORY } from '../../wire/operator.ts'
import type { Api } from '../api.ts'
import { safeJson } from '../cells.ts'
import type { CommandModule } from '../command.ts'
import { UsageError } from '../errors.ts'
import { follow } from '../follow.ts'
import { addGroupOptions, apiOf, fetchHistory, groupOf, type OneGroupOptions } from '../one-group.ts'
import { addLogOptions, type LogSettings, loggerOf, wholeNumber } from '../options.ts'
import { paintFor } from '../paint.ts'
import type { ServerSentEvent } from '../sse.ts'
import { onStop } from '../stopping.ts'
import { describeMessage } from '../telling.ts'

interface Options extends OneGroupOptions, LogSettings {
  readonly last?: number
  readonly after?: string
}

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
  const paint = paintFor(process.stdout)
  const tell = (message: ServerSentEvent) => {
    process.stdout.write(`${options.json ? safeJson(message.data) : describeMessage(message, paint)}\n`)
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
