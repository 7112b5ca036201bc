import { setFlagsFromString } from 'node:v8'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { MIN_LEASE_MS } from '../../config/timing.ts'
import type { DemoControls } from '../../server/demo-routes.ts'
import type { CommandModule } from '../command.ts'
import { EXIT } from '../errors.ts'
import { parseListenAddress } from '../listen-address.ts'
import type { Logger } from '../logging.ts'
import { addLogOptions, duration, groupName, type LogSettings, loggerOf } from '../options.ts'
import { POLL_GROUP, type ServeOptions, type ServeSettings, settingsOf } from '../serve-settings.ts'
import type { Server } from '../start-server.ts'
import { endAtOnce, onStop, type Stop } from '../stopping.ts'

const address = (text: string) => {
  try {
    return parseListenAddress(text)
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? `${error.message}.` : String(error))
  }
}

export const define: CommandModule['define'] = (command, run) => defineFor(command, run)

/** The same command, for a server of a demo. */
export const defineFor = (command: Command, run: Parameters<CommandModule['define']>[1], demo?: DemoControls): void => {
  command
    .addOption(
      new Option(
        '-l, --listen <address>',
        'tcp:PORT or HOST:PORT; port 0 takes any free one (default 127.0.0.1:8989)',
      ).argParser(address),
    )
    .addOption(
      new Option(
        '-t, --timeout <duration>',
        'lease of members; who is not heard for so long is gone (default 4s)',
      ).argParser(duration({ minMs: MIN_LEASE_MS })),
    )
    .addOption(
      new Option(
        '-s, --settle <duration>',
        'how long a group must be without a change to settle (default 6s)',
      ).argParser(duration({ minMs: 0 })),
    )
    .addOption(new Option('--group <name>', "group of bloc's two routes").argParser(groupName).default(POLL_GROUP))
    .addOption(
      new Option(
        '--poll-interval <duration>',
        "longest interval at which clients of bloc's routes poll (default: the time-out)",
      ).argParser(duration()),
    )
    .option('--config <file>', 'configuration file (JSON); options of the command line go before it')
    .option(
      '--data-dir <dir>',
      'keeps what must outlive a restart; without it tokens may repeat, and exclusion is only "leased"',
    )
    .option(
      '--token-file <file>',
      'who may do what: a token a line, or JSON; read again on change (or CAUCUS_TOKEN_FILE)',
    )
    .option('--tls-cert <file>', 'certificate (PEM)')
    .option('--tls-key <file>', 'its key (PEM)')
    .option('--tls-ca <file>', 'clients must show a certificate of this authority (PEM); its name says who they are')
    .option('--audit-log <file>', 'appends what operators did, and who was refused (default: the log)')
    .addOption(
      new Option(
        '--links <kind>',
        'between voters: direct also keeps a connection whose end shows at once that a leader has died',
      ).choices(['plain', 'direct']),
    )
    .option('--insecure', 'listen beyond this machine without a token or certificates')
    .option('--fresh', 'nobody holds anything from an earlier server: begin without waiting for old leases')
  addLogOptions(command).action((options: ServeOptions & LogSettings) => run(() => serve(options, demo)))
}

/**
 * The heap may grow by four fifths, and not fourfold, before it is collected. What a connection keeps of its last message lives as long as
 * the next one takes to come, so that with thousands of them most garbage is old before it is garbage.
 */
const HEAP_GROWTH = '--heap-growing-percent=80'

/** A server of groups, or one voter of a cluster. */
const start = async (
  options: ServeOptions,
  settings: ServeSettings,
  logger: Logger,
  failed: () => void,
  demo?: DemoControls,
): Promise<Server> => {
  const { voter } = settings
  if (voter === undefined)
    return (await import('../start-server.ts')).startServer(options, settings, logger, failed, demo)
  return (await import('../start-voter.ts')).startVoter(options, { ...settings, voter }, logger, failed, demo)
}

/** Serves until a signal. Resolves with the exit code. */
const serve = async (options: ServeOptions & LogSettings, demo?: DemoControls): Promise<number> => {
  setFlagsFromString(HEAP_GROWTH)
  let settings: ServeSettings | undefined = settingsOf(options)
  const logger = loggerOf(options)
  let stopAsked: (stop: Stop) => void = () => undefined
  const stopped = new Promise<Stop>((resolve) => {
    stopAsked = resolve
  })
  let isServing = false
  const first = (stop: Stop) => (isServing ? stopAsked(stop) : endAtOnce(stop))
  const quiet = onStop(first, ({ exitCode }) => {
    // What is durable was written whole: there is nothing that a sudden end could break.
    process.exit(exitCode)
  })
  try {
    // Only now, so that wrong usage is told without waiting for a server to load.
    const failed = () => stopAsked({ signal: 'SIGTERM', exitCode: EXIT.failed })
    const server = await start(options, settings, logger, failed, demo)
    // The server keeps only hashes of the tokens in it.
    settings = undefined
    isServing = true
    process.stdout.write(`listening on ${server.url}\n`)
    const { signal, exitCode } = await stopped
    logger.info(
      { event: 'stop.requested', signal },
      exitCode === EXIT.failed ? 'stopping' : `stopping on ${signal}; once more stops at once`,
    )
    await server.close()
    return exitCode
  } finally {
    quiet()
  }
}
