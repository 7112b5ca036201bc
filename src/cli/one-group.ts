import type { Command } from 'commander'
import type { GroupPast, PastEvent } from '../core/group/past.ts'
import { explain } from '../core/group/reasons.ts'
import type { GroupView, MemberView } from '../core/group/view.ts'
import { CaucusError, isCaucusError } from '../errors.ts'
import type { RecordedEvent } from '../ports/hosting.ts'
import { type Api, type RequestOptions, requestJson } from './api.ts'
import { safeJson } from './cells.ts'
import { tlsOf } from './client-tls.ts'
import { UsageError } from './errors.ts'
import { plainGroup } from './groups.ts'
import { clean } from './logging.ts'
import { addServerOptions, groupName, type ServerSettings, serversOf, tokenOf } from './options.ts'
import { type Paint, styleOfEvent } from './paint.ts'

/** What every command about one group takes. */
export interface OneGroupOptions extends ServerSettings {
  readonly group?: string
  readonly json?: boolean
}

/** The group, as an argument or by `--group`, then the command's own options, the server and `--json`. */
export const addGroupOptions = (command: Command, own: (command: Command) => Command = (same) => same): Command => {
  command.argument('[group]', 'the group', groupName).option('--group <name>', 'the same', groupName)
  return addServerOptions(own(command)).option('--json', 'answer as JSON')
}

/** The group that was named, in one way or the other. */
export const groupOf = (argument: string | undefined, { group }: OneGroupOptions): string => {
  if (argument !== undefined && group !== undefined && argument !== group) {
    throw new UsageError(
      `--group says ${JSON.stringify(group)}, and the argument ${JSON.stringify(argument)}; name one group`,
    )
  }
  const named = argument ?? group
  if (named === undefined) throw new UsageError('name the group: --group NAME')
  return named
}

export const apiOf = (options: ServerSettings): Api => ({
  servers: serversOf(options),
  token: tokenOf(options),
  tls: tlsOf(options),
})

export const pathOf = (group: string, ...rest: readonly string[]): string =>
  ['/v1/groups', encodeURIComponent(group), ...rest.map(encodeURIComponent)].join('/')

/** Asks or orders something of a group. What the server does not find is told with where to look. */
export const askGroup = async (api: Api, path: string, options?: RequestOptions): Promise<unknown> => {
  try {
    return await requestJson(api, path, options)
  } catch (error) {
    if (!isCaucusError(error) || error.code !== 'CAUCUS_NOT_FOUND') throw error
    const { code, message, details } = error
    const hint = '`caucus status` lists the groups and `caucus members` who is in them'
    throw new CaucusError(code, `${message}; ${hint}`, { cause: error, details })
  }
}

export const fetchGroup = async (api: Api, group: string): Promise<GroupView> => {
  const answer = await askGroup(api, pathOf(group))
  if (!isGroup(answer)) throw new CaucusError('CAUCUS_PROTOCOL', NOT_OURS)
  return plainGroup(answer)
}

/** What a server says of the past of a group, and with `view` of the group at the same moment. */
export interface History extends GroupPast<RecordedEvent> {
  readonly view?: GroupView
}

export const fetchHistory = async (
  api: Api,
  group: string,
  { limit, member, view = false }: { readonly limit: number; readonly member?: string; readonly view?: boolean },
  options?: RequestOptions,
): Promise<History> => {
  const query = new URLSearchParams({ limit: `${limit}`, view: `${view}`, ...(member !== undefined && { member }) })
  const answer = await askGroup(api, `${pathOf(group, 'history')}?${query}`, options)
  if (!isHistory(answer)) throw new CaucusError('CAUCUS_PROTOCOL', NOT_OURS)
  return answer
}

export const NOT_OURS = 'the server did not answer as a caucus server does'

export const isObject = (answer: unknown): answer is object => typeof answer === 'object' && answer !== null

const isGroup = (answer: unknown): answer is GroupView =>
  isObject(answer) && 'members' in answer && Array.isArray(answer.members)

export const isMember = (answer: unknown): answer is MemberView =>
  isObject(answer) && 'id' in answer && 'incarnation' in answer

const isHistory = (answer: unknown): answer is History =>
  isObject(answer) &&
  'events' in answer &&
  Array.isArray(answer.events) &&
  (!('view' in answer) || answer.view === undefined || isGroup(answer.view))

/** `06:08:57.120 member.joined     b joined.`, as `watch` prints it. */
export const describeEvent = ({ atMs, event }: Pick<PastEvent, 'atMs' | 'event'>, paint: Paint): string => {
  const time = paint(new Date(atMs).toISOString().slice(11, 23), 'soft')
  const type = paint(clean(event.type).padEnd(17), styleOfEvent(event.type))
  // An event of a newer server may have no sentence here.
  return `${time} ${type} ${clean(explain(event) ?? JSON.stringify(event))}`
}

export const answer = (options: { readonly json?: boolean }, json: unknown, text: string): void =>
  void process.stdout.write(`${options.json === true ? safeJson(JSON.stringify(json)) : text}\n`)
