import { electionOf } from '../core/group/elections.ts'
import type { ShareKind } from '../core/group/messages.ts'
import { isOnceName } from '../core/group/onces.ts'
import { groupNameFault, idFault } from '../core/ids.ts'
import { readAccess } from './access-reader.ts'
import { type Config, type GroupConfig, MAX_PARTITIONS, otherPeers, type Peer } from './config.ts'
import { kindOf } from './kind.ts'
import { didYouMean } from './nearest.ts'
import { CONFIGURED_LIMITS } from './rates.ts'
import { resolveTiming, servedTiming, type Timing, timing, timingFaults } from './timing.ts'

const MAX_GROUPS = 10_000
/** An election among more voters only gets slower. */
const MAX_VOTERS = 7
const MAX_RATE = 1_000_000_000

type Json = Readonly<Record<string, unknown>>

/** Reads a value and collects what is wrong with it, so that a file with three slips takes one round and not three. */
export class ConfigReader {
  readonly faults: string[] = []

  config(value: unknown): Config {
    const keys =
      'cluster identifier listen_host listen_port peers seeds metadata timing links groups tokens tls limits'.split(' ')
    const given = this.#object(value, '', keys) ?? {}
    const identifier = this.#optional(given, 'identifier', (each, path) => this.#id(each, path))
    const peers = this.#optional(given, 'peers', (each, path) => this.#peers(each, path, identifier)) ?? []
    const seeds = this.#optional(given, 'seeds', (each, path) => this.#seeds(each, path))
    const plain = otherPeers({ peers, identifier }).length === 0 && seeds === undefined
    const own = this.#optional(given, 'timing', (each, path) => this.#timing(each, path, timing.lan))
    const inForce = own ?? (plain ? servedTiming : timing.lan)
    return defined({
      cluster: this.#optional(given, 'cluster', (each, path) => this.#id(each, path)),
      identifier,
      listenHost: this.#optional(given, 'listen_host', (each, path) => this.#text(each, path)),
      listenPort: this.#optional(given, 'listen_port', (each, path) => this.#whole(each, path, 0, 65_535)),
      peers,
      seeds,
      metadata: given.metadata,
      timing: inForce,
      groups: this.#optional(given, 'groups', (each, path) => this.#groups(each, path, inForce)) ?? new Map(),
      links: this.#optional(given, 'links', (each, path) => this.#links(each, path)),
      tokens: this.#optional(given, 'tokens', (each, path) => readAccess(each, path, this.faults)),
      tls: this.#optional(given, 'tls', (each, path) => this.#tls(each, path)),
      limits: this.#optional(given, 'limits', (each, path) => this.#limits(each, path)),
    })
  }

  #fault(path: string, rule: string, value: unknown): undefined {
    this.faults.push(`${path} ${rule}, not ${kindOf(value)}`)
    return undefined
  }

  #links(value: unknown, path: string): Config['links'] {
    if (value === 'plain' || value === 'direct') return value
    this.faults.push(`${path} must be "plain" or "direct"`)
    return undefined
  }

  #object(value: unknown, path: string, keys: readonly string[] | undefined): Json | undefined {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return this.#fault(path || 'the configuration', 'must be an object', value)
    }
    for (const key of Object.keys(value)) {
      if (keys !== undefined && !keys.includes(key)) {
        this.faults.push(`the key ${JSON.stringify(join(path, key.slice(0, 80)))} is not known${didYouMean(key, keys)}`)
      }
    }
    return value as Json
  }

  #optional<T>(
    given: Json,
    key: string,
    read: (value: unknown, path: string) => T | undefined,
    path = '',
  ): T | undefined {
    return Object.hasOwn(given, key) ? read(given[key], join(path, key)) : undefined
  }

  #required<T>(
    given: Json,
    key: string,
    path: string,
    read: (value: unknown, path: string) => T | undefined,
  ): T | undefined {
    if (Object.hasOwn(given, key)) return read(given[key], join(path, key))
    this.faults.push(`${join(path, key)} is missing`)
    return undefined
  }

  #text(value: unknown, path: string): string | undefined {
    return typeof value === 'string' && value !== ''
      ? value
      : this.#fault(path, 'must be a string that is not empty', value)
  }

  #id(value: unknown, path: string): string | undefined {
    const fault = idFault(value, path)
    if (fault === undefined) return value as string
    this.faults.push(fault)
    return undefined
  }

  #whole(value: unknown, path: string, min: number, max: number): number | undefined {
    const whole = typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
    return whole ? value : this.#fault(path, `must be a whole number from ${min} to ${max}`, value)
  }

  #peers(value: unknown, path: string, identifier: string | undefined): Peer[] | undefined {
    if (!Array.isArray(value)) return this.#fault(path, 'must be an array', value)
    const peers = value.flatMap((each: unknown, index) => this.#peer(each, `${path}[${index}]`) ?? [])
    const names = new Set(peers.map((peer) => peer.identifier))
    for (const twice of repeated(peers.map((peer) => peer.identifier)))
      this.faults.push(`${path} has two entries with one identifier, ${JSON.stringify(twice)}`)
    // Others would be led to the wrong one.
    for (const twice of repeated(peers.map(({ host, port }) => `${host}:${port}`)))
      this.faults.push(`${path} has two entries with one address, ${twice}`)
    if (identifier !== undefined) names.add(identifier)
    else if (peers.length > 0) this.faults.push('identifier is missing; with peers, each must know which one it is')
    if (names.size > MAX_VOTERS) this.faults.push(`${path} makes ${names.size} voters; at most ${MAX_VOTERS}`)
    return peers
  }

  /** What each of them means is for the peer that asks them. */
  #seeds(value: unknown, path: string): readonly string[] | undefined {
    if (typeof value === 'string') return [value]
    if (!Array.isArray(value)) return this.#fault(path, 'must be a string or an array of strings', value)
    return value.flatMap((each: unknown, index) => this.#text(each, `${path}[${index}]`) ?? [])
  }

  #peer(value: unknown, path: string): Peer | undefined {
    const given = this.#object(value, path, ['identifier', 'host', 'port', 'metadata'])
    if (given === undefined) return undefined
    const identifier = this.#required(given, 'identifier', path, (each, at) => this.#id(each, at))
    const host = this.#required(given, 'host', path, (each, at) => this.#text(each, at))
    const port = this.#required(given, 'port', path, (each, at) => this.#whole(each, at, 1, 65_535))
    if (identifier === undefined || host === undefined || port === undefined) return undefined
    return defined({ identifier, host, port, metadata: given.metadata })
  }

  #timing(value: unknown, path: string, base: Timing): Timing | undefined {
    const faults = timingFaults(value, path)
    this.faults.push(...faults)
    return faults.length === 0 ? resolveTiming(value as Partial<Timing>, base) : undefined
  }

  #groups(value: unknown, path: string, base: Timing): Map<string, GroupConfig> | undefined {
    const given = this.#object(value, path, undefined)
    if (given === undefined) return undefined
    const entries = Object.entries(given)
    if (entries.length > MAX_GROUPS) this.faults.push(`${path} has ${entries.length} groups; at most ${MAX_GROUPS}`)
    return new Map(
      entries.map(([name, each]) => {
        const at = join(path, name.slice(0, 80))
        const fault = groupNameFault(name, `the group name ${JSON.stringify(name.slice(0, 80))}`)
        if (fault !== undefined) this.faults.push(fault)
        if (isOnceName(name))
          this.faults.push(`${at}: names that begin with "once/" are of runs, which have no settings`)
        const group = this.#object(each, at, ['share', 'timing']) ?? {}
        const share = this.#optional(group, 'share', (value, path) => this.#share(value, path, name), at)
        const own = this.#optional(group, 'timing', (value, path) => this.#timing(value, path, base), at)
        return [name, defined({ share, timing: own })]
      }),
    )
  }

  #share(value: unknown, path: string, group: string): ShareKind | undefined {
    const isElection = electionOf(group) !== undefined
    if (isElection !== (value === 'tenure')) {
      this.faults.push(
        isElection
          ? `${path}: a group whose name begins with "election/" is an election; leave its share out`
          : `${path}: only groups whose name begins with "election/" share a tenure`,
      )
      return undefined
    }
    if (value === 'index' || value === 'tenure') return value
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.faults.push(`${path} must be "index" or {"partitions": N}, not ${kindOf(value)}`)
      return undefined
    }
    const given = this.#object(value, path, ['partitions']) ?? {}
    const partitions = this.#required(given, 'partitions', path, (each, at) => this.#whole(each, at, 1, MAX_PARTITIONS))
    return partitions === undefined ? undefined : { partitions }
  }

  #limits(value: unknown, path: string): Config['limits'] {
    const given = this.#object(value, path, CONFIGURED_LIMITS)
    if (given === undefined) return undefined
    const read = (key: string) => this.#optional(given, key, (each, at) => this.#whole(each, at, 1, MAX_RATE), path)
    return Object.fromEntries(
      CONFIGURED_LIMITS.flatMap((key) => {
        const rate = read(key)
        return rate === undefined ? [] : [[key, rate]]
      }),
    )
  }

  #tls(value: unknown, path: string): Config['tls'] {
    const given = this.#object(value, path, ['cert', 'key', 'ca'])
    if (given === undefined) return undefined
    const cert = this.#required(given, 'cert', path, (each, at) => this.#text(each, at))
    const key = this.#required(given, 'key', path, (each, at) => this.#text(each, at))
    const ca = this.#optional(given, 'ca', (each, at) => this.#text(each, at), path)
    return cert === undefined || key === undefined ? undefined : defined({ cert, key, ca })
  }
}

const join = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`)

type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
}

/** The same without the keys whose value is undefined, as `exactOptionalPropertyTypes` asks for. */
const defined = <T extends object>(value: T): Defined<T> =>
  Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as Defined<T>

/** What is there more than once. */
const repeated = (texts: readonly string[]): readonly string[] => [
  ...new Set(texts.filter((text, index) => texts.indexOf(text) !== index)),
]
