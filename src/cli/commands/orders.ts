import type { Command } from 'commander'
import { quoted } from '../../core/group/explain/quoted.ts'
import { CaucusError } from '../../errors.ts'
import { MAX_PARTITIONS } from '../../wire/limits.ts'
import type { RequestOptions } from '../api.ts'
import type { CommandModule } from '../command.ts'
import { EXIT } from '../errors.ts'
import { clean } from '../logging.ts'
import {
  addGroupOptions,
  answer,
  apiOf,
  askGroup,
  groupOf,
  isObject,
  NOT_OURS,
  type OneGroupOptions,
  pathOf,
} from '../one-group.ts'
import { memberId, wholeNumber } from '../options.ts'

interface Options extends OneGroupOptions {
  readonly member: string
  readonly partition: number
}

/** A command that tells the server one thing and prints what came of it. */
const ordering = (
  add: (command: Command) => Command,
  order: (group: string, options: Options) => { readonly path: string; readonly text: string } & RequestOptions,
  { usage, help = '' }: { readonly usage: string; readonly help?: string },
): CommandModule => ({
  define: (command, run) => {
    addGroupOptions(command, add)
      .usage(`--group <name> ${usage}`)
      .addHelpText('after', help)
      .action((argument: string | undefined, options: Options) =>
        run(async () => {
          const group = groupOf(argument, options)
          const { path, text, ...request } = order(group, options)
          const done = await askGroup(apiOf(options), path, request)
          if (!isObject(done)) throw new CaucusError('CAUCUS_PROTOCOL', NOT_OURS)
          answer(options, { group, ...about(options), ...done }, clean(text))
          return EXIT.done
        }),
      )
  },
})

const about = ({ member, partition }: Partial<Options>) => ({
  ...(partition !== undefined && { partition }),
  ...(member !== undefined && { member }),
})

const withMember = (text: string) => (command: Command) => command.requiredOption('--member <id>', text, memberId)
const withPartition = (text: string) => (command: Command) =>
  command.requiredOption('--partition <n>', text, wholeNumber(0, MAX_PARTITIONS - 1))
const alone = (command: Command) => command

export const evict = ordering(
  withMember('whom to remove'),
  (group, { member }) => ({
    method: 'DELETE',
    path: pathOf(group, 'members', member),
    text: `${quoted(member)} is no member of ${quoted(group)} any more; what it held is given to others when its leases have run out`,
  }),
  {
    usage: '--member <id> [options]',
    help: `
The member is fenced: its process hears that it is out and must not come back. Its leases are not cut but run out, since it may act on
them until then. For a member that works well and is to stop, use \`caucus drain\`: then nobody waits for a lease.`,
  },
)

export const freeze = ordering(
  alone,
  (group) => ({
    method: 'PUT',
    path: pathOf(group, 'freeze'),
    text: `${quoted(group)} is frozen until \`caucus thaw\`: no partition is taken from a member that lives`,
  }),
  {
    usage: '[options]',
    help: `
Partitions of members that leave, stop or are drained still go to others. Members may come, and get nothing that somebody has.`,
  },
)

export const thaw = ordering(
  alone,
  (group) => ({
    method: 'DELETE',
    path: pathOf(group, 'freeze'),
    text: `${quoted(group)} is thawed: partitions move again`,
  }),
  {
    usage: '[options]',
    help: `
The group settles anew, so that loads are fair again and pins hold.`,
  },
)

export const pin = ordering(
  (command) => withMember('whose it is to be')(withPartition('which one')(command)),
  (group, { partition, member }) => ({
    method: 'PUT',
    path: pathOf(group, 'pins', String(partition)),
    body: { member },
    text: `partition ${partition} of ${quoted(group)} is pinned to ${quoted(member)}`,
  }),
  {
    usage: '--partition <n> --member <id> [options]',
    help: `
The partition goes to this member whenever it is there, and moves as always: its present owner finishes first. While the member is
not there, others have it. It counts as a part of the member's fair load.`,
  },
)

export const unpin = ordering(
  withPartition('which one'),
  (group, { partition }) => ({
    method: 'DELETE',
    path: pathOf(group, 'pins', String(partition)),
    text: `partition ${partition} of ${quoted(group)} is pinned no more`,
  }),
  { usage: '--partition <n> [options]' },
)
