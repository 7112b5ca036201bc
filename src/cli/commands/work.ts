import { randomBytes, randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { type Command, Option } from 'commander'
import { remote } from '../../backends/remote/index.ts'
import { MAX_PARTITIONS } from '../../config/config.ts'
import { MAX_WEIGHT } from '../../core/assignment/weights.ts'
import type { Millis } from '../../core/time.ts'
import { isCaucusError } from '../../errors.ts'
import type { Backend } from '../../ports/backend.ts'
import { type ClientTls, tlsOf } from '../client-tls.ts'
import type { CommandModule } from '../command.ts'
import { UsageError } from '../errors.ts'
import type { Logger } from '../logging.ts'
import {
  addLogOptions,
  addServerOptions,
  duration,
  groupName,
  type LogSettings,
  loggerOf,
  memberId,
  type ServerSettings,
  serversOf,
  tokenOf,
  wholeNumber,
} from '../options.ts'
import { onStop } from '../stopping.ts'
import { Guard } from '../work/guard.ts'
import { Worker } from '../work/worker.ts'

interface Options extends ServerSettings, LogSettings {
  readonly group: string
  readonly partitions?: number
  readonly id?: string
  readonly grace: Millis
  readonly weight?: number
  readonly static?: boolean
}

const HELP = `
The program sees its share in its environment: CAUCUS_INDEX (from 1) and CAUCUS_TOTAL in a group of indexes, CAUCUS_PARTITIONS (such as
0-15,33) and CAUCUS_TOTAL in a group of partitions, and CAUCUS_EPOCH, a number that rises with every grant. When the share changes it
gets SIGTERM, then SIGKILL, and is started again with the new share. It ends no later than its lease, even if this command is killed.
Exit of the program: 0 leaves the group and exits 0, anything else starts it again after 1 to 30 s.
Its standard input is empty. A program that moves itself to another process group (a daemon) or changes its user (sudo) cannot be
held to its lease.`

export const define: CommandModule['define'] = (command: Command, run) => {
  command
    .usage('--group <name> [options] -- <command> [args…]')
    .argument('<command...>', 'the program and its arguments, after --')
    .addOption(new Option('--group <name>', 'the group to join').argParser(groupName).makeOptionMandatory())
    .option('--partitions <n>', 'share n partitions instead of an index', wholeNumber(1, MAX_PARTITIONS))
    .option('--id <id>', 'member id (default: made from host, process and chance)', memberId)
    .option(
      '--weight <n>',
      'of partitions, how many times the part of a member of weight 1',
      wholeNumber(0, MAX_WEIGHT),
    )
    .option('--static', 'keep its place for a grace when it stops, so that a restart moves nothing else; needs --id')
    .addOption(
      new Option('--grace <duration>', 'between SIGTERM and SIGKILL, if the lease does not end before')
        .argParser(duration({ minMs: 0 }))
        .default(5_000, '5s'),
    )
  addLogOptions(addServerOptions(command))
    .addHelpText('after', HELP)
    .action((program: string[], options: Options) => run(() => work(program, options)))
}

/** Keeps the program running with its share until it has finished or a signal comes. Resolves with the exit code. */
const work = async ([file, ...args]: readonly string[], options: Options): Promise<number> => {
  if (process.platform === 'win32')
    throw new UsageError('caucus work needs process groups, which Windows does not have')
  if (file === undefined || file === '') throw new UsageError('name the program after --')
  if (options.static === true && options.id === undefined) {
    throw new UsageError('--static keeps the place of an id: name it with --id, and use the same one after a restart')
  }
  const factory = remote(serversOf(options), {
    ...withToken(tokenOf(options)),
    ...withTls(tlsOf(options)),
  })
  const logger = loggerOf(options)
  const stopping = new AbortController()
  let worker: Worker | undefined
  let exitCode = 0
  const quiet = onStop(
    (stop) => {
      logger.info({}, `stopping on ${stop.signal}; once more kills the program`)
      exitCode = stop.exitCode
      stopping.abort()
      worker?.finish(stop.exitCode)
    },
    ({ exitCode }) => worker?.finish(exitCode),
  )
  try {
    const backend = await reach(factory, logger, stopping.signal)
    if (backend === undefined) return exitCode
    try {
      worker = join(backend, [file, ...args], options, logger)
      return await worker.done
    } finally {
      await backend.close()
    }
  } finally {
    quiet()
  }
}

const withTls = (tls: ClientTls | undefined) => (tls === undefined ? {} : { tls })
const withToken = (token: string | undefined) => (token === undefined ? {} : { token })

/** The programs of a service start in any order, so a server that is not there yet is waited for. `undefined`: stopped meanwhile. */
const reach = async (
  factory: ReturnType<typeof remote>,
  logger: Logger,
  signal: AbortSignal,
): Promise<Backend | undefined> => {
  for (;;) {
    try {
      logger.debug({}, 'connecting')
      return await factory({ signal })
    } catch (error) {
      if (signal.aborted) return undefined
      if (!isCaucusError(error) || !error.retriable) throw error
      logger.warn({}, `${error.message}; still trying`)
    }
  }
}

const join = (backend: Backend, command: [string, ...string[]], options: Options, logger: Logger): Worker => {
  const { group, partitions, id = defaultId(), grace } = options
  const clock = backend.clocks.holder
  const { heartbeatMs, stopMarginMs } = backend.timing
  let guard: Guard | undefined
  const worker = new Worker({
    command,
    clock,
    graceMs: grace,
    join: (listener) =>
      backend.join(
        {
          group,
          member: id,
          bootId: randomUUID(),
          ...(partitions !== undefined && { share: { partitions } }),
          metadata: { host: hostname(), pid: process.pid },
          ...(options.weight !== undefined && { weight: options.weight }),
          ...(options.static === true && { static: true }),
          heartbeatMs,
          stopMarginMs,
        },
        listener,
      ),
    runner: (report) => {
      guard = new Guard({
        clock,
        report,
        lost: (how) =>
          logger.error(
            {},
            `the watchdog ended (${how}); whatever it watched is killed, and the next start has another one`,
          ),
      })
      return guard
    },
    log: (level, message, details = {}) => logger[level](details, message),
  })
  worker.done.then(
    () => guard?.close(),
    () => guard?.close(),
  )
  logger.info({ group, member: id }, 'joining')
  void tellLink(backend, logger)
  return worker
}

/** Host and process for people; chance, since a container's host name and process id may come again. */
const defaultId = (): string => `${hostname().slice(0, 200)}-${process.pid}-${randomBytes(3).toString('hex')}`

/** A server that stays away is worth one line, and not one for each attempt to reach it. */
const tellLink = async (backend: Backend, logger: Logger): Promise<void> => {
  let told = false
  for await (const event of backend.linkEvents({})) {
    if (event.type === 'link.lost') logger.warn({ url: event.url }, `the connection was lost: ${event.reason}`)
    else if (event.type === 'link.opened') logger.info({ url: event.url }, 'connected')
    else if (event.type === 'link.refused') {
      logger[told ? 'debug' : 'warn']({ url: event.url }, `no connection: ${event.error.message}`)
      told = true
      continue
    }
    told = false
  }
}
