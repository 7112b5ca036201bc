import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { type Command, Option } from 'commander'
import { MAX_PARTITIONS } from '../../config/config.ts'
import { MAX_WEIGHT } from '../../core/assignment/weights.ts'
import type { Millis } from '../../core/time.ts'
import type { CommandModule } from '../command.ts'
import { addEngineOptions, type EngineSettings } from '../engine-options.ts'
import { UsageError } from '../errors.ts'
import { defaultId } from '../member-name.ts'
import { addLogOptions, duration, groupName, type LogSettings, loggerOf, memberId, wholeNumber } from '../options.ts'
import { backendOf } from '../reach.ts'
import { programOf, watched } from '../work/watched.ts'
import { Worker } from '../work/worker.ts'

interface Options extends EngineSettings, LogSettings {
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
  addLogOptions(addEngineOptions(command))
    .addHelpText('after', HELP)
    .action((program: string[], options: Options) => run(() => work(program, options)))
}

/** Keeps the program running with its share until it has finished or a signal comes. Resolves with the exit code. */
const work = async (given: readonly string[], options: Options): Promise<number> => {
  const command = programOf(given, 'caucus work')
  if (options.static === true && options.id === undefined) {
    throw new UsageError('--static keeps the place of an id: name it with --id, and use the same one after a restart')
  }
  const { group, partitions, id = defaultId(), grace } = options
  const logger = loggerOf(options)
  return watched(await backendOf(options, { logger }), logger, (backend, runner) => {
    logger.info({ event: 'join.started', group, member: id }, 'joining')
    const { heartbeatMs, stopMarginMs } = backend.timing
    return new Worker({
      command,
      clock: backend.clocks.holder,
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
      runner,
      log: (level, message, details) => logger[level](details, message),
    })
  })
}
