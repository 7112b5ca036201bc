import type { Command } from 'commander'
import { connect } from '../../client/connect.ts'
import { electionOf } from '../../core/group/elections.ts'
import { conditionOf } from '../../core/group/explain/words.ts'
import type { GroupView } from '../../core/group/view.ts'
import type { Millis } from '../../core/time.ts'
import { safeJson } from '../cells.ts'
import { tlsOf } from '../client-tls.ts'
import type { CommandModule } from '../command.ts'
import { addEngineOptions, type EngineSettings } from '../engine-options.ts'
import { groupsPlace } from '../engines.ts'
import { EXIT } from '../errors.ts'
import { describeOrders, describeShare, fetchStatus, plainGroup, type Status } from '../groups.ts'
import { whereLeads } from '../leader.ts'
import { clean } from '../logging.ts'
import { serversOf, tokenOf } from '../options.ts'
import { paintFor } from '../paint.ts'
import { backendOf } from '../reach.ts'
import { formatTable } from '../table.ts'
import { readVersion } from '../version.ts'

interface Options extends EngineSettings {
  readonly json?: boolean
}

export const define: CommandModule['define'] = (command: Command, run) => {
  addEngineOptions(command)
    .option('--json', 'answer as JSON')
    .action((options: Options) => run(() => status(options)))
}

const status = async (options: Options): Promise<number> => {
  const found =
    groupsPlace(options).type === 'servers'
      ? await fetchStatus({ servers: serversOf(options), token: tokenOf(options), tls: tlsOf(options) })
      : await readStatus(options)
  process.stdout.write(`${options.json ? safeJson(JSON.stringify(found)) : describe(found)}\n`)
  return EXIT.done
}

/** What lies in etcd: whoever joins nothing coordinates nothing, and writes nothing. */
const readStatus = async (options: Options): Promise<Status> => {
  await using caucus = await connect(await backendOf(options, { connectTimeoutMs: ANSWER_MS }))
  const { guarantees } = caucus
  return { version: readVersion(), guarantees, groups: (await caucus.groups()).map(plainGroup) }
}

/** Somebody waits in front of it. */
const ANSWER_MS: Millis = 5_000

const describe = ({ version, guarantees, leader, groups }: Status): string => {
  const { exclusion, survivesRestart, survivesPartition } = guarantees
  const head = [
    `caucus ${clean(version)}`,
    `exclusion: ${exclusion}; survives a restart: ${yesNo(survivesRestart)}; survives a partition: ${yesNo(survivesPartition)}`,
    ...(leader === undefined ? [] : [`leader: ${whereLeads(leader)}, term ${leader.term}`]),
  ]
  if (groups.length === 0) return [...head, 'no groups'].join('\n')
  const shared = groups.filter(({ share }) => share !== 'tenure')
  const rows = shared.map((group) => {
    const { name, state, members, share, epoch } = group
    return [
      name,
      conditionOf(state, members.length),
      `${members.length}`,
      describeShare(share),
      `${epoch}`,
      describeOrders(group),
    ]
  })
  const elections = groups.filter(({ share }) => share === 'tenure').map(electionRow)
  return [
    ...head,
    ...(rows.length > 0
      ? ['', formatTable(['GROUP', 'STATE', 'MEMBERS', 'SHARE', 'EPOCH', 'NOTES'], rows, paintFor(process.stdout))]
      : []),
    ...(elections.length > 0
      ? ['', formatTable(['ELECTION', 'LEADER', 'TOKEN', 'WAITING'], elections, paintFor(process.stdout))]
      : []),
  ].join('\n')
}

const electionRow = ({ name, members }: GroupView): string[] => {
  const leader = members.find(({ leads }) => leads === true)
  const waiting = members.filter(({ leads, drained, revoked }) => leads !== true && drained !== true && !revoked)
  return [
    electionOf(name) ?? name,
    leader?.id ?? '-',
    leader === undefined ? '' : `${leader.epoch}`,
    `${waiting.length}`,
  ]
}

const yesNo = (value: boolean): string => (value ? 'yes' : 'no')
