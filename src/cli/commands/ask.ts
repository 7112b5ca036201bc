import { type Command, InvalidArgumentError, Option } from 'commander'
import { embedded } from '../../backends/embedded/index.ts'
import { type Caucus, connect } from '../../client/connect.ts'
import { parseDuration } from '../../config/duration.ts'
import type { Until } from '../../core/dispatch/messages.ts'
import { MAX_REPLIES } from '../../core/dispatch/until.ts'
import type { Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import { untilOf } from '../../wire/asks.ts'
import { requestOf } from '../ask/request.ts'
import { answerAsJson, answerAsText, printable, summaryAsJson, summaryAsText } from '../ask/tell.ts'
import type { CommandModule } from '../command.ts'
import { addEngineOptions, type EngineSettings } from '../engine-options.ts'
import { EXIT } from '../errors.ts'
import { wantsColors } from '../logging.ts'
import { duration, producerId, topicName } from '../options.ts'
import { topicsOf } from '../reach.ts'
import { onStop } from '../stopping.ts'

interface Options extends EngineSettings {
  readonly within: Millis
  readonly until: Until
  readonly to?: readonly string[]
  readonly json?: boolean
}

/** Somebody sits in front of it, or a script waits. Longer than peers wait for a leader (`timing.lan`), so that they can say that there is none. */
const CONNECT_MS: Millis = 5_000

const HELP = `
The request is JSON: an argument, or without one (or with -) standard input. Each answer is a line, as it arrives, and what became of
everybody stands on standard error at the end. With --json each line is { type: "reply", from, value } (bytes: base64 instead of value) or
{ type: "error", from, outcome, error }, and the last one { type: "summary", expected, replied, errors, missing, late, ending, code?, … }.
Exit codes: 0 it has what --until wants, 1 it has not, 130 interrupted, which also stops those who work on it.`

const until = (text: string): Until => {
  const quiet = /^quiet:(.*)$/s.exec(text)?.[1]
  try {
    const found = quiet === undefined ? untilOf(text) : { quiet: parseDuration(quiet, 'quiet') }
    if (found !== undefined) return found
  } catch {
    // What is accepted is said below, with everything else that is.
  }
  throw new InvalidArgumentError(
    `Give all, first, a whole number from 1 to ${MAX_REPLIES}, or quiet:DURATION such as quiet:200ms.`,
  )
}

export const define: CommandModule['define'] = (command: Command, run) => {
  command
    .argument('<topic>', 'the topic', topicName)
    .argument('[request]', 'the request as JSON; - is standard input')
    .addOption(
      new Option('--within <duration>', 'how long to wait for answers').argParser(duration()).default(5_000, '5s'),
    )
    .addOption(
      new Option('--until <policy>', 'when it is enough: all, first, a number of replies, or quiet:DURATION')
        .argParser(until)
        .default('all'),
    )
    .option('--to <id>', 'only this one; may be given many times', (text, before: readonly string[] = []) => [
      ...before,
      producerId(text),
    ])
  addEngineOptions(command)
    .option('--json', 'answer as JSON')
    .addHelpText('after', HELP)
    .action((topic: string, request: string | undefined, options: Options) => run(() => ask(topic, request, options)))
}

const ask = async (topic: string, argument: string | undefined, options: Options): Promise<number> => {
  const way = await topicsOf(options, { connectTimeoutMs: CONNECT_MS })
  const request = await requestOf(argument, process.stdin)
  const stopping = new AbortController()
  let caucus: Caucus | undefined
  let exitCode: number = EXIT.failed
  const quiet = onStop(
    (stop) => {
      // SIGTERM too: whoever reads 0 takes it for answered.
      exitCode = stop.exitCode === EXIT.done ? EXIT.failed : stop.exitCode
      stopping.abort()
      // A reply that is a stream is read as long as it comes, signal or not.
      void caucus?.close()
    },
    () => process.exit(exitCode),
  )
  try {
    // Who asks on NATS joins nothing, and needs nobody who coordinates.
    const { backend, topics } =
      'topics' in way ? { backend: embedded(), topics: way.topics } : { ...way, topics: undefined }
    caucus = await connect(backend, { signal: stopping.signal, ...(topics !== undefined && { topics }) })
    return await askAndTell(caucus, topic, request, options, stopping.signal)
  } catch (error) {
    if (!stopping.signal.aborted) throw error
    return exitCode
  } finally {
    quiet()
    await caucus?.close()
  }
}

const askAndTell = async (
  caucus: Caucus,
  topic: string,
  request: unknown,
  { until, within, to, json = false }: Options,
  signal: AbortSignal,
): Promise<number> => {
  const colors = wantsColors(process.stdout)
  const asking = caucus.topic(topic).ask(request, {
    until,
    withinMs: within,
    signal,
    ...(to !== undefined && { to: { id: to } }),
  })
  for await (const each of asking) {
    const answer = await printable(each)
    signal.throwIfAborted()
    process.stdout.write(`${json ? answerAsJson(answer) : answerAsText(answer, colors)}\n`)
  }
  const { summary } = asking
  if (summary === undefined) throw new CaucusError('CAUCUS_CONNECTION_LOST', 'the ask was broken off')
  const isMet = summary.ending === 'met'
  if (json) process.stdout.write(`${summaryAsJson(summary)}\n`)
  // A script that reads JSON has it there; people hear in any case why it was not enough.
  if (!json || !isMet) process.stderr.write(`caucus ask: ${summaryAsText(summary, topic, to !== undefined)}\n`)
  return isMet ? EXIT.done : EXIT.failed
}
