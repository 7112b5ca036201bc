import type { Command } from 'commander'
import type { GroupView } from '../../core/group/view.ts'
import { CaucusError } from '../../errors.ts'
import { tlsOf } from '../client-tls.ts'
import type { CommandModule } from '../command.ts'
import { EXIT } from '../errors.ts'
import { describePlace, fetchStatus } from '../groups.ts'
import { addServerOptions, groupName, type ServerSettings, serversOf, tokenOf } from '../options.ts'
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
  process.stdout.write(`${options.json ? JSON.stringify(listOf(chosen)) : describe(chosen)}\n`)
  return EXIT.done
}

const listOf = (groups: readonly GroupView[]) =>
  groups.flatMap(({ name, members }) => members.map((member) => ({ group: name, ...member })))

const describe = (groups: readonly GroupView[]): string => {
  const rows = groups.flatMap(({ name, total, members }) =>
    members.map((member) => [
      name,
      member.id,
      describePlace(member, total),
      `${member.epoch}`,
      jsonOf(member.metadata),
    ]),
  )
  return rows.length === 0 ? 'no members' : formatTable(['GROUP', 'MEMBER', 'SHARE', 'EPOCH', 'METADATA'], rows)
}

const jsonOf = (metadata: unknown): string =>
  metadata === undefined || metadata === null ? '' : JSON.stringify(metadata)
