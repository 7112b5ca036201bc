import type { Command } from 'commander'
import { STATUSES } from '../../core/registry/instance.ts'
import { serviceNameFault } from '../../core/registry/services.ts'
import type { ServiceCount } from '../../core/registry/view.ts'
import { CaucusError } from '../../errors.ts'
import type { ServiceView } from '../../ports/registry.ts'
import { decodeServiceQuery } from '../../wire/services.ts'
import { requestJson } from '../api.ts'
import { safeJson } from '../cells.ts'
import { tlsOf } from '../client-tls.ts'
import type { CommandModule } from '../command.ts'
import { EXIT, UsageError } from '../errors.ts'
import { addServerOptions, type ServerSettings, serversOf, tokenOf } from '../options.ts'
import { formatTable } from '../table.ts'

interface Options extends ServerSettings {
  readonly json?: boolean
  readonly tag?: readonly string[]
  readonly zone?: string
  readonly status?: string
}

export const define: CommandModule['define'] = (command: Command, run) => {
  command
    .argument('[name]', 'the instances of this service; without it, which services there are')
    .option('--tag <tag>', 'only instances with this tag; may be repeated', (tag, others: string[] = []) => [
      ...others,
      tag,
    ])
    .option('--zone <zone>', 'only instances of this zone')
    .option('--status <status>', `only instances that are ${STATUSES.join(', ')} (default: any)`)
  addServerOptions(command)
    .option('--json', 'answer as JSON')
    .action((name: string | undefined, options: Options) => run(() => services(name, options)))
}

const services = async (name: string | undefined, options: Options): Promise<number> => {
  const api = { servers: serversOf(options), token: tokenOf(options), tls: tlsOf(options) }
  const query = queryOf(options)
  if (name === undefined) {
    if (query.size > 1)
      throw new UsageError('--tag, --zone and --status are about the instances of one service; name it')
    const answer = (await requestJson(api, '/v1/services')) as { services?: readonly ServiceCount[] }
    if (!Array.isArray(answer.services)) throw isNoRegistry()
    print(options, answer.services, describeServices)
    return EXIT.done
  }
  const fault = serviceNameFault(name)
  if (fault !== undefined) throw new UsageError(fault)
  const view = (await requestJson(api, `/v1/services/${encodeURIComponent(name)}?${query}`)) as ServiceView
  if (!Array.isArray(view.instances)) throw isNoRegistry()
  print(options, view, describeService)
  return EXIT.done
}

/** All of them unless asked otherwise: whoever looks wants to see those that are not well, too. */
const queryOf = ({ tag = [], zone, status = 'any' }: Options): URLSearchParams => {
  const query = new URLSearchParams({ status, ...(zone !== undefined && { zone }) })
  for (const each of tag) query.append('tag', each)
  const filter = decodeServiceQuery(query)
  if (typeof filter === 'string') throw new UsageError(filter)
  return query
}

const print = <Answer>({ json }: Options, answer: Answer, describe: (answer: Answer) => string): void =>
  void process.stdout.write(`${json === true ? safeJson(JSON.stringify(answer)) : describe(answer)}\n`)

const describeServices = (found: readonly ServiceCount[]): string => {
  if (found.length === 0) return 'no services'
  const rows = found.map(({ name, instances, up }) => [name, `${instances}`, `${up}`])
  return formatTable(['SERVICE', 'INSTANCES', 'UP'], rows)
}

const describeService = ({ instances, incompleteForMs }: ServiceView): string => {
  const rows = instances.map(({ id, host, port, status, zone = '', weight, tags, metadata }) => [
    id,
    host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    status,
    zone,
    `${weight}`,
    tags.join(', '),
    metadata === undefined ? '' : JSON.stringify(metadata),
  ])
  const heads = ['INSTANCE', 'ADDRESS', 'STATUS', 'ZONE', 'WEIGHT', 'TAGS', 'METADATA']
  const list = rows.length === 0 ? 'no instances' : formatTable(heads, rows)
  if (incompleteForMs === 0) return list
  const seconds = Math.ceil(incompleteForMs / 1_000)
  return `${list}\nThe server has started anew: within ${seconds} s others may come back that were there before.`
}

const isNoRegistry = (): CaucusError =>
  new CaucusError('CAUCUS_PROTOCOL', 'the server answered without services; is it a caucus server of this version?')
