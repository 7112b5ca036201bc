import type { Command } from 'commander'
import { quoted } from '../../core/group/explain/quoted.ts'
import type { GroupView, MemberView } from '../../core/group/view.ts'
import { CaucusError } from '../../errors.ts'
import { safeJson } from '../cells.ts'
import { tlsOf } from '../client-tls.ts'
import type { CommandModule } from '../command.ts'
import { EXIT } from '../errors.ts'
import { describeNotes, describePlace, fetchStatus } from '../groups.ts'
import { clean } from '../logging.ts'
import { addServerOptions, groupName, type ServerSettings, serversOf, tokenOf } from '../options.ts'
import { paintFor } from '../paint.ts'
import { formatTable } from '../table.ts'

interface Options extends ServerSettings {
  readonly json?: boolean
  readonly group?: string
}

export const define: CommandModule['define'] = (command: Command, run) => {
  command.argument('[group]', 'only of this group', groupName).option('--group <name>', 'the same', groupName)
  addServerOptions(command)
    .option('--json', 'answer as JSON')
    .action((group: string | undefined, options: Options) =>
      run(() => members({ ...options, ...(group && { group }) })),
    )
}

const members = async (options: Options): Promise<number> => {
  const { groups } = await fetchStatus({ servers: serversOf(options), token: tokenOf(options), tls: tlsOf(options) })
  const chosen = options.group === undefined ? groups : groups.filter(({ name }) => name === options.group)
  if (options.group !== undefined && chosen.length === 0) {
    const known = groups.map(({ name }) => JSON.stringify(name)).join(', ') || 'none'
    throw new CaucusError('CAUCUS_NOT_FOUND', `there is no group ${JSON.stringify(options.group)}; there are: ${known}`)
  }
  process.stdout.write(`${options.json ? safeJson(JSON.stringify(listOf(chosen))) : describe(chosen)}\n`)
  return EXIT.done
}

const listOf = (groups: readonly GroupView[]) =>
  groups.flatMap(({ name, members }) => members.map((member) => ({ group: name, ...member })))

const describe = (groups: readonly GroupView[]): string => {
  const rows = groups.flatMap((group) => [...group.members.map((member) => rowOf(group, member)), ...keptRows(group)])
  const pins = groups.flatMap(pinLines)
  if (rows.length === 0) return ['no members', ...pins].join('\n')
  return [
    formatTable(['GROUP', 'MEMBER', 'SHARE', 'EPOCH', 'WEIGHT', 'NOTES', 'METADATA'], rows, paintFor(process.stdout)),
    ...pins,
  ].join('\n')
}

const rowOf = ({ name, total, share }: GroupView, member: MemberView): string[] => [
  name,
  member.id,
  describePlace(member, total),
  `${member.epoch}`,
  typeof share === 'string' ? '' : `${member.weight ?? 1}`,
  describeNotes(member),
  jsonOf(member.metadata),
]

/** Places of those who have stopped and may come back. */
const keptRows = ({ name, total, share, kept = [] }: GroupView): string[][] =>
  kept.map((place) => [
    name,
    place.id,
    describePlace(place, total),
    '',
    typeof share === 'string' ? '' : `${place.weight ?? 1}`,
    'stopped; its place is kept',
    '',
  ])

const pinLines = ({ name, pins = [], frozen }: GroupView): string[] => [
  ...(frozen === true ? [clean(`${quoted(name)} is frozen: no partition is taken from a member that lives`)] : []),
  ...pins.map(({ partition, member }) =>
    clean(`${quoted(name)}: partition ${partition} is pinned to ${quoted(member)}`),
  ),
]

const jsonOf = (metadata: unknown): string =>
  metadata === undefined || metadata === null ? '' : JSON.stringify(metadata)
