import { type Command, Option } from 'commander'
import { STATUSES } from '../../core/registry/instance.ts'
import { serviceNameFault } from '../../core/registry/services.ts'
import type { ServiceCount } from '../../core/registry/view.ts'
import type { Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import type { ServiceView } from '../../ports/registry.ts'
import { decodeServiceQuery } from '../../wire/services.ts'
import { type Api, requestJson } from '../api.ts'
import { safeJson } from '../cells.ts'
import { tlsOf } from '../client-tls.ts'
import type { CommandModule } from '../command.ts'
import { EXIT, UsageError } from '../errors.ts'
import {
  addLogOptions,
  addServerOptions,
  duration,
  type LogSettings,
  loggerOf,
  type ServerSettings,
  serversOf,
  tokenOf,
} from '../options.ts'
import { paintFor } from '../paint.ts'
import { formatTable } from '../table.ts'
import { type Seen, watchChanges } from '../watch-changes.ts'

interface Options extends ServerSettings, LogSettings {
  readonly json?: boolean
  readonly tag?: readonly string[]
  readonly zone?: string
  readonly status?: string
  readonly watch?: boolean
  readonly every: Millis
}

const HELP = `
With --watch it prints again whenever something has changed, with the time, until it is stopped; while no server answers it goes on trying. With
--json each answer is one line then.`

export const define: CommandModule['define'] = (command: Command, run) => {
  command
    .argument('[name]', 'the instances of this service; without it, which services there are')
    .option('--tag <tag>', 'only instances with this tag; may be repeated', (tag, others: string[] = []) => [
      ...others,
      tag,
    ])
    .option('--zone <zone>', 'only instances of this zone')
    .option('--status <status>', `only instances that are ${STATUSES.join(', ')} (default: any)`)
  command
    .option('--watch', 'print again whenever it changes')
    .addOption(
      new Option('--every <duration>', 'with --watch: how often a server is asked')
        .argParser(duration({ minMs: 250, maxMs: 60_000 }))
        .default(1_000, '1s'),
    )
  addLogOptions(addServerOptions(command))
    .option('--json', 'answer as JSON')
    .addHelpText('after', HELP)
    .action((name: string | undefined, options: Options) => run(() => services(name, options)))
}

const services = async (name: string | undefined, options: Options): Promise<number> => {
  const api = { servers: serversOf(options), token: tokenOf(options), tls: tlsOf(options) }
  const query = queryOf(options)
  if (name === undefined && query.size > 1)
    throw new UsageError('--tag, --zone and --status are about the instances of one service; name it')
  const fault = name === undefined ? undefined : serviceNameFault(name)
  if (fault !== undefined) throw new UsageError(fault)
  const look = name === undefined ? listOf(api) : instancesOf(api, name, query)
  if (options.watch !== true) {
    print(options, await look(undefined))
    return EXIT.done
  }
  return watchChanges(look, loggerOf(options), options.every, (found) => print(options, found))
}

/** Which services there are. */
const listOf = (api: Api) => async (signal: AbortSignal | undefined) => {
  const answer = (await requestJson(api, '/v1/services', signal && { signal })) as { services?: ServiceCount[] }
  if (!Array.isArray(answer.services)) throw isNoRegistry()
  return seen(answer.services, describeServices(answer.services))
}

/** The instances of one. */
const instancesOf = (api: Api, name: string, query: URLSearchParams) => async (signal: AbortSignal | undefined) => {
  const path = `/v1/services/${encodeURIComponent(name)}?${query}`
  const view = (await requestJson(api, path, signal && { signal })) as ServiceView
  if (!Array.isArray(view.instances)) throw isNoRegistry()
  // That a wait grows shorter is no news; that it is over is.
  const { incompleteForMs, ...rest } = view
  return seen(view, describeService(view), { ...rest, isComplete: incompleteForMs === 0 })
}

const seen = (json: unknown, text: string, news: unknown = json) => ({ json, text, key: JSON.stringify(news) })

/** All of them unless asked otherwise: whoever looks wants to see those that are not well, too. */
const queryOf = ({ tag = [], zone, status = 'any' }: Options): URLSearchParams => {
  const query = new URLSearchParams({ status, ...(zone !== undefined && { zone }) })
  for (const each of tag) query.append('tag', each)
  const filter = decodeServiceQuery(query)
  if (typeof filter === 'string') throw new UsageError(filter)
  return query
}

const print = ({ json, watch }: Options, found: Seen): void => {
  const paint = paintFor(process.stdout)
  const time = watch === true ? `${paint(`-- ${new Date().toISOString().slice(11, 19)}`, 'soft')}\n` : ''
  process.stdout.write(`${json === true ? safeJson(JSON.stringify(found.json)) : `${time}${found.text}`}\n`)
}

const describeServices = (found: readonly ServiceCount[]): string => {
  if (found.length === 0) return 'no services'
  const rows = found.map(({ name, instances, up }) => [name, `${instances}`, `${up}`])
  return formatTable(['SERVICE', 'INSTANCES', 'UP'], rows, paintFor(process.stdout))
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
  const list = rows.length === 0 ? 'no instances' : formatTable(heads, rows, paintFor(process.stdout))
  if (incompleteForMs === 0) return list
  const seconds = Math.ceil(incompleteForMs / 1_000)
  return `${list}\nThe server has started anew: within ${seconds} s others may come back that were there before.`
}

const isNoRegistry = (): CaucusError =>
  new CaucusError('CAUCUS_PROTOCOL', 'the server answered without services; is it a caucus server of this version?')
