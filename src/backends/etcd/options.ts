import { randomUUID } from 'node:crypto'
import { ConfigReader } from '../../config/reader.ts'
import { checkTiming, requireSafe } from '../../config/safety.ts'
import { servedGroupsOf } from '../../config/served.ts'
import { timing as presets, resolveTiming, type Timing, type TimingPreset } from '../../config/timing.ts'
import type { ShareKind } from '../../core/group/messages.ts'
import { type Generation, generationOf, MAX_GENERATION } from '../../core/lease.ts'
import type { Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import type { Clocks } from '../../ports/clock.ts'
import type { LogDetails } from '../../ports/log-events.ts'
import type { TlsOptions } from '../../ports/socket.ts'
import type { LogLevel, Telemetry } from '../../ports/telemetry.ts'
import { systemClocks } from '../../runtime/system-clock.ts'
import type { CoordinatingSettings } from './coordinating-options.ts'

/** How one group behaves, where it differs from the others. The same in each process. */
export interface EtcdGroup {
  readonly share?: ShareKind
  readonly timing?: TimingPreset | Partial<Timing>
}

/** Details first, as with pino. */
export type EtcdLogger = Readonly<Record<LogLevel, (details: LogDetails, message: string) => void>>

/** How etcd is reached, under which keys, and the timing and groups that all who share the prefix must have alike. */
export interface EtcdOptions {
  /** Of the members of one etcd: `http://HOST:PORT`, `https://HOST:PORT` or `HOST:PORT` each. Any of them will do. */
  readonly urls: string | readonly string[]
  /** Under which everything lies. Processes with the same one are one cluster. Default `caucus/`. */
  readonly prefix?: string
  /** Of etcd's own users. Both or neither. */
  readonly user?: string
  readonly password?: string
  /** PEM, for `https://`. With `cert` and `key` this process shows who it is. */
  readonly tls?: TlsOptions
  /** Default: `timing.lan`. No lease is shorter than 2 s. The same in each process. */
  readonly timing?: TimingPreset | Partial<Timing>
  /** Any other group comes into being when somebody joins it. The same in each process. */
  readonly groups?: Readonly<Record<string, EtcdGroup>>
  /** A token of before: those that are given from now on are higher. For an etcd that was restored or replaced, or a move from another backend. */
  readonly tokensAbove?: number
  /** The operator's word that nobody holds anything. It counts only where nothing lies under the prefix yet. */
  readonly fresh?: boolean
  /** How long `connect()` tries to reach etcd. Default 10 000. */
  readonly connectTimeoutMs?: number
  /** How long one request may take. Default: a sixth of the lease, from 500 to 5 000. */
  readonly requestMs?: number
  /** Where this process writes what an operator should read, above all while it coordinates. A pino logger is one. Default: nowhere. */
  readonly logger?: EtcdLogger
  /** Default: this process's own. A simulated one makes tests repeatable. */
  readonly clocks?: Clocks
  /** Names this process, its memberships, and members without an id; different at every call. Default: `randomUUID`. */
  readonly newId?: () => string
}

/** The options with everything filled in that follows from them. */
export interface SoundEtcd {
  readonly urls: readonly string[]
  readonly prefix: string
  readonly user: string | undefined
  readonly password: string | undefined
  readonly tls: TlsOptions | undefined
  readonly timing: Timing
  readonly settings: CoordinatingSettings
  /** Of all that are configured. */
  readonly shortestLeaseMs: Millis
  readonly leastGeneration: Generation | undefined
  readonly fresh: boolean
  readonly connectTimeoutMs: Millis
  readonly requestMs: Millis
  readonly telemetry: Telemetry | undefined
  readonly clocks: Clocks
  readonly newId: () => string
}

const KNOWN = [
  'urls',
  'prefix',
  'user',
  'password',
  'tls',
  'timing',
  'groups',
  'tokensAbove',
  'fresh',
  'connectTimeoutMs',
  'requestMs',
  'logger',
  'clocks',
  'newId',
]
const MAX_MS = 2 ** 31 - 1
/** etcd counts the ttl of a lease in seconds, and none is shorter than two. */
const LEAST_LEASE_MS: Millis = 2_000
const MAX_PREFIX_LENGTH = 256

const refuse = (message: string): never => {
  throw new CaucusError('CAUCUS_INVALID_ARGUMENT', message)
}

/** The options with their defaults, all of them sound; of the addresses, users and certificates the engine is the judge. */
export const soundEtcd = (given: string | readonly string[] | EtcdOptions): SoundEtcd => {
  const options: EtcdOptions = typeof given === 'string' || isList(given) ? { urls: given } : given
  if (typeof options !== 'object' || options === null) return refuse('etcd() takes URLs, or an object with urls')
  for (const name of Object.keys(options)) {
    if (!KNOWN.includes(name)) refuse(`etcd() knows no option "${name.slice(0, 64)}"; it takes ${KNOWN.join(', ')}`)
  }
  const { fresh = false, clocks = systemClocks, newId = () => randomUUID() } = options
  const urls = typeof options.urls === 'string' ? [options.urls] : options.urls
  if (!isList(urls) || urls.length === 0) {
    return refuse('etcd() takes the URL of a member of etcd, like http://127.0.0.1:2379, or a list of them')
  }
  if (typeof fresh !== 'boolean') refuse('etcd({ fresh }) is true or false')
  if (typeof newId !== 'function') refuse('etcd({ newId }) takes a function that gives another name at every call')
  if (typeof clocks !== 'object' || clocks === null) refuse('etcd({ clocks }) takes { grantor, holder }')
  const { timing, settings, shortestLeaseMs } = served(options)
  const { user, password, tls } = options
  return {
    urls,
    prefix: prefixOf(options.prefix),
    user,
    password,
    tls,
    timing,
    settings,
    shortestLeaseMs,
    leastGeneration: leastGenerationOf(options.tokensAbove),
    fresh,
    connectTimeoutMs: checkedMs('connectTimeoutMs', options.connectTimeoutMs ?? 10_000, 0),
    requestMs: checkedMs('requestMs', options.requestMs ?? requestMsFor(shortestLeaseMs), 100),
    telemetry: options.logger === undefined ? undefined : telemetryTo(loggerOf(options.logger)),
    clocks,
    newId,
  }
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

const loggerOf = (given: EtcdLogger): EtcdLogger => {
  const isLogger = typeof given === 'object' && given !== null && LEVELS.every((at) => typeof given[at] === 'function')
  return isLogger ? given : refuse(`etcd({ logger }) takes an object with ${LEVELS.join(', ')}, as a pino logger`)
}

/** Numbers are of servers; what happens in groups is told by their own events. */
const telemetryTo = (logger: EtcdLogger): Telemetry => {
  const nothing = () => undefined
  return {
    event: nothing,
    count: nothing,
    gauge: nothing,
    duration: nothing,
    log: (level, message, { error, ...details }) =>
      logger[level](error === undefined ? details : { ...details, err: error }, message),
  }
}

const isList = (value: unknown): value is readonly string[] => Array.isArray(value)

/** Two that fail in a row must not end a lease. */
const requestMsFor = (leaseMs: Millis): Millis => Math.min(5_000, Math.max(500, leaseMs / 6))

const checkedMs = (name: string, value: unknown, least: Millis): Millis => {
  if (typeof value === 'number' && value >= least && value <= MAX_MS) return value
  return refuse(`etcd({ ${name} }) is ${String(value).slice(0, 64)}; give milliseconds from ${least} to ${MAX_MS}`)
}

const served = ({ timing: given, groups: own }: EtcdOptions) => {
  const reader = new ConfigReader()
  const config = reader.config({
    timing: given ?? presets.lan,
    ...(own !== undefined && { groups: own }),
  })
  if (reader.faults.length > 0) throw faulty(reader.faults)
  const timing = resolveTiming(given ?? presets.lan)
  const timings: [string, Timing][] = [['timing', timing]]
  for (const [name, group] of config.groups) {
    if (group.timing !== undefined) timings.push([`groups.${name}.timing`, group.timing])
  }
  for (const [path, { leaseMs }] of timings) {
    if (leaseMs >= LEAST_LEASE_MS) continue
    throw faulty([
      `${path}.leaseMs is ${leaseMs}, and on etcd no lease is shorter than ${LEAST_LEASE_MS}: etcd keeps leases for whole seconds, at least two; use timing.lan or a longer leaseMs`,
    ])
  }
  for (const [path, each] of timings) {
    requireSafe(checkTiming(each).map((found) => ({ ...found, rule: `${path}: ${found.rule}` })))
  }
  const settings: CoordinatingSettings = servedGroupsOf(config.groups, timing, undefined)
  return { timing, settings, shortestLeaseMs: Math.min(...timings.map(([, { leaseMs }]) => leaseMs)) }
}

const faulty = (faults: readonly string[]): CaucusError =>
  new CaucusError('CAUCUS_INVALID_CONFIG', `etcd(): ${faults.join('; ')}`, { details: { faults: [...faults] } })

/** With a slash at its end, so that no prefix is the beginning of another one's keys. */
const prefixOf = (prefix: unknown = 'caucus/'): string => {
  const rule = `1 to ${MAX_PREFIX_LENGTH} printable ASCII characters without spaces, like caucus/`
  if (typeof prefix !== 'string' || !/^[\x21-\x7e]+$/.test(prefix) || prefix.length > MAX_PREFIX_LENGTH) {
    return refuse(`etcd({ prefix }) takes ${rule}`)
  }
  return prefix.endsWith('/') ? prefix : `${prefix}/`
}

const leastGenerationOf = (token: unknown): Generation | undefined => {
  if (token === undefined) return undefined
  const generation = Number.isSafeInteger(token) && (token as number) >= 0 ? generationOf(token as number) + 1 : 0
  if (generation >= 1 && generation <= MAX_GENERATION) return generation
  return refuse(
    `etcd({ tokensAbove }) is ${String(token).slice(0, 64)}; give the highest token or epoch that was seen before, a whole number`,
  )
}
