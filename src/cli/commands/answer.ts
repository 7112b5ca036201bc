import { hostname } from 'node:os'
import { type Command, Option } from 'commander'
import { MAX_REPLIES } from '../../core/dispatch/until.ts'
import type { Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { TopicsConnection } from '../../ports/topics-factory.ts'
import { systemClocks } from '../../runtime/system-clock.ts'
import { Answerer } from '../answer/answerer.ts'
import { Minder } from '../answer/minder.ts'
import type { CommandModule } from '../command.ts'
import { addEngineOptions, type EngineSettings } from '../engine-options.ts'
import type { Logger } from '../logging.ts'
import { defaultId } from '../member-name.ts'
import {
  addLogOptions,
  duration,
  type LogSettings,
  loggerOf,
  producerId,
  queueName,
  topicName,
  wholeNumber,
} from '../options.ts'
import { reach, tellLink, topicsOf } from '../reach.ts'
import { onStop, type Stop } from '../stopping.ts'
import { programOf } from '../work/watched.ts'

interface Options extends EngineSettings, LogSettings {
  readonly concurrency: number
  readonly id?: string
  readonly queue?: string
  readonly grace: Millis
  readonly drain: Millis
}

const HELP = `
For each request the program is started anew. It reads the request on its standard input: JSON as one line, bytes as they are. What it
writes on its standard output is the reply: JSON if it is that, else text; up to 512 KiB. With another exit code than 0 the asker is told
that it failed, with the end of what it wrote on its standard error. Its environment has CAUCUS_TOPIC, CAUCUS_FROM (who asks) and
CAUCUS_WITHIN_MS (how long the asker still waits). When nobody waits for the reply any more, the program gets SIGTERM, then SIGKILL, and so
does all that it has started. Ctrl-C and SIGTERM finish what runs and take no more; once more ends the programs too.`

export const define: CommandModule['define'] = (command: Command, run) => {
  command
    .usage('<topic> [options] -- <command> [args…]')
    .argument('<topic>', 'the topic', topicName)
    .argument('<command...>', 'the program and its arguments, after --')
    .addOption(
      new Option('--concurrency <n>', 'how many programs run at a time')
        .argParser(wholeNumber(1, MAX_REPLIES))
        .default(1),
    )
    .option('--id <id>', 'name on the topic (default: made from host, process and chance)', producerId)
    .option('--queue <name>', 'of all that answer with the same name, one gets each request', queueName)
    .addOption(
      new Option('--grace <duration>', 'between SIGTERM and SIGKILL, when a reply is not needed any more')
        .argParser(duration({ minMs: 0 }))
        .default(5_000, '5s'),
    )
    .addOption(
      new Option('--drain <duration>', 'how long what runs may go on once this command is stopped')
        .argParser(duration({ minMs: 0 }))
        .default(10_000, '10s'),
    )
  addLogOptions(addEngineOptions(command))
    .addHelpText('after', HELP)
    .action((topic: string, program: string[], options: Options) => run(() => answer(topic, program, options)))
}

/** Answers until a signal comes, or another one takes the id. Resolves with the exit code. */
const answer = async (topic: string, given: readonly string[], options: Options): Promise<number> => {
  const [file, ...args] = programOf(given, 'caucus answer')
  const factory = rosterOf(await topicsOf(options))
  const logger = loggerOf(options)
  const stopping = new AbortController()
  let answerer: Answerer | undefined
  let stopped: Stop | undefined
  const quiet = onStop(
    (stop) => {
      logger.info(
        { event: 'stop.requested', signal: stop.signal },
        `finishing on ${stop.signal}; once more ends the programs`,
      )
      stopped = stop
      stopping.abort()
      answerer?.drain(options.drain)
    },
    () => answerer?.kill(),
  )
  try {
    const roster = await reach(factory, logger, stopping.signal)
    if (roster === undefined) return stopped?.exitCode ?? 0
    const minder = new Minder({
      graceMs: options.grace,
      lost: (how) =>
        logger.warn(
          { event: 'watchdog.lost' },
          `the shell that would end programs after a kill -9 of this command ended (${how})`,
        ),
    })
    try {
      answerer = begin(roster, topic, [file, ...args], minder, options, logger)
      await answerer.done
      return stopped?.exitCode ?? 0
    } finally {
      minder.close()
      await roster.close()
    }
  } finally {
    quiet()
  }
}

/** Where it answers, and how it is told of the way there. */
interface Roster extends TopicsConnection {
  readonly clock: Clock
  tellLink(logger: Logger): void
}

const rosterOf =
  (way: Awaited<ReturnType<typeof topicsOf>>) =>
  async (options: { readonly signal: AbortSignal }): Promise<Roster> => {
    if ('topics' in way) {
      const connection = await way.topics(options)
      const close = () => connection.close()
      return { topics: connection.topics, close, clock: systemClocks.grantor, tellLink: () => undefined }
    }
    const backend = await way.backend(options)
    const { topics, clocks } = backend
    const close = () => backend.close()
    if (topics !== undefined) {
      return { topics, close, clock: clocks.grantor, tellLink: (logger) => void tellLink(backend, logger) }
    }
    await close()
    throw new CaucusError('CAUCUS_NOT_FOUND', 'these servers have no topics; upgrade them')
  }

const begin = (
  { topics, clock, tellLink }: Roster,
  topic: string,
  command: [string, ...string[]],
  minder: Minder,
  { id = defaultId(), queue, concurrency, grace }: Options,
  logger: Logger,
): Answerer => {
  tellLink(logger)
  return new Answerer({
    topics,
    request: { topic, id, queue, concurrency, metadata: { host: hostname(), pid: process.pid } },
    command,
    graceMs: grace,
    clock,
    minder,
    said: (chunk) => void process.stderr.write(chunk),
    log: (level, message, details) => logger[level](details, message),
  })
}
