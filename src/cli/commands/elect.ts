import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { electionNameFault, groupOfElection } from '../../core/group/elections.ts'
import type { Millis } from '../../core/time.ts'
import type { CommandModule } from '../command.ts'
import { Candidate } from '../elect/candidate.ts'
import { addEngineOptions, type EngineSettings } from '../engine-options.ts'
import { defaultId } from '../member-name.ts'
import { addLogOptions, duration, type LogSettings, loggerOf, memberId } from '../options.ts'
import { backendOf } from '../reach.ts'
import { programOf, watched } from '../work/watched.ts'

interface Options extends EngineSettings, LogSettings {
  readonly id?: string
  readonly grace: Millis
  readonly once?: boolean
}

const HELP = `
Of all who say this of one name, one runs the program at a time; the others wait for their turn, in the order in which they came. The
program sees CAUCUS_TOKEN in its environment, a number that rises with every leader: storage that refuses lower ones is safe from whoever
led before. When leadership is lost the program gets SIGTERM, then SIGKILL, and this command waits for its turn again. It ends no later than
its lease, even if this command is killed. When the program ends by itself, this command ends with its exit code (128 and the number of the
signal that ended it).
Its standard input is empty. A program that moves itself to another process group (a daemon) or changes its user (sudo) cannot be
held to its lease.`

export const define: CommandModule['define'] = (command: Command, run) => {
  command
    .usage('<name> [options] -- <command> [args…]')
    .argument('<name>', 'the election', electionName)
    .argument('<command...>', 'the program and its arguments, after --')
    .option('--id <id>', 'candidate id (default: made from host, process and chance)', memberId)
    .option('--once', 'do not campaign again after leadership was lost: exit with 1')
    .addOption(
      new Option('--grace <duration>', 'between SIGTERM and SIGKILL, if the lease does not end before')
        .argParser(duration({ minMs: 0 }))
        .default(5_000, '5s'),
    )
  addLogOptions(addEngineOptions(command))
    .addHelpText('after', HELP)
    .action((name: string, program: string[], options: Options) => run(() => elect(name, program, options)))
}

const electionName = (text: string): string => {
  const fault = electionNameFault(text)
  if (fault !== undefined) throw new InvalidArgumentError(`The ${fault}.`)
  return text
}

/** Runs the program while it leads, until that has ended or a signal comes. Resolves with the exit code. */
const elect = async (name: string, program: readonly string[], options: Options): Promise<number> => {
  const command = programOf(program, 'caucus elect')
  const { id = defaultId(), grace, once = false } = options
  const logger = loggerOf(options)
  return watched(await backendOf(options, { logger }), logger, (backend, runner) => {
    logger.info({ event: 'campaign.started', election: name, candidate: id }, 'campaigning')
    const { heartbeatMs, stopMarginMs } = backend.timing
    return new Candidate({
      name,
      command,
      clock: backend.clocks.holder,
      graceMs: grace,
      again: !once,
      join: (listener) =>
        backend.join(
          {
            group: groupOfElection(name),
            member: id,
            bootId: randomUUID(),
            share: 'tenure',
            metadata: { host: hostname(), pid: process.pid },
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
