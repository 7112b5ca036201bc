import { createSecureContext } from 'node:tls'
import { type Config, otherPeers, type Peer } from '../../config/config.ts'
import { ConfigReader } from '../../config/reader.ts'
import { checkTiming, requireSafe } from '../../config/safety.ts'
import { pollSettingsOf, servedGroupsOf } from '../../config/served.ts'
import { timing as presets, resolveTiming, type Timing, type TimingPreset } from '../../config/timing.ts'
import { votersFault } from '../../core/election/voters.ts'
import { electionOf } from '../../core/group/elections.ts'
import type { ShareKind } from '../../core/group/messages.ts'
import { groupNameFault } from '../../core/ids.ts'
import type { Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import type { PeerAddressed } from '../../ports/peers.ts'
import type { Served } from '../../runtime/reign.ts'
import { metadataFault } from '../../wire/faults.ts'
import { observerMetadataFault } from '../../wire/peers/frames.ts'
import { type Seed, seedsOf } from './seeds.ts'

/** What a peer is told; the first four as in a configuration file, and as QCluster has them. */
export interface PeerOptions {
  /** Which peer this is. */
  readonly identifier: string
  /** Default `127.0.0.1`. Beyond this machine only with `token`, `tls.ca` or `insecure`. */
  readonly listen_host?: string
  readonly listen_port: number
  /** The other voters, or all of them: 1 to 7 with this one. The same on each. */
  readonly peers?: readonly Peer[]
  /**
   * Instead of `peers`: this peer has no vote, and finds the voters by any of these. `HOST:PORT` or a URL of any peer, `dns:NAME:PORT` (every
   * address of the name), `dns:NAME` (its SRV records), `file:PATH` (an address a line).
   */
  readonly seeds?: string | readonly string[]
  /** JSON that the other peers see when this one leads, where their own lists say nothing about it. Of an observer at most 1 KiB. */
  readonly metadata?: unknown
  /** The same on each voter. Default `default`. */
  readonly cluster?: string
  /** A preset's name, a preset, or some of its numbers. Default `timing.lan`. */
  readonly timing?: TimingPreset | Partial<Timing>
  /** Keeps term, vote and promises over a restart; a directory of its own for each voter. Without it tokens may repeat: `leased`. */
  readonly dataDir?: string
  /** Groups with a share, or a timing, of their own; any other comes into being when somebody joins it. The same on each voter. */
  readonly groups?: Readonly<Record<string, PeerGroup>>
  /** Serves bloc's wire (`GET /index`) with one group. The same on each voter. */
  readonly poll?: PeerPoll
  /** The operator's word that nobody holds anything from before. It counts only where no leader has ever begun. */
  readonly fresh?: boolean
  /** What voters show each other. */
  readonly token?: string
  /**
   * `direct`: voters hold connections with each other, on the same ports, of which nothing but the end says anything, so that the end of a
   * leader's process is known within milliseconds. Only where they reach each other without anything in between, and without `tls`
   * (docs/election.md). The same on each. Default `plain`.
   */
  readonly links?: 'plain' | 'direct'
  /** PEM. With `ca`, voters show each other certificates that it signed. */
  readonly tls?: PeerTls
  /** The operator's word that everybody who can reach the address may be a voter. */
  readonly insecure?: boolean
  /** Told of what ends this peer by itself: a broken invariant, a data directory that somebody else has. Default: it is thrown where nobody can miss it. */
  readonly onFault?: (error: unknown) => void
}

/** How one group behaves, where it differs from the others. */
export interface PeerGroup {
  readonly share?: ShareKind
  readonly timing?: TimingPreset | Partial<Timing>
}

/** The group that bloc's two routes of every peer are about. */
export interface PeerPoll {
  readonly group: string
  /** How often its clients poll, at most the lease. Default: the lease. */
  readonly intervalMs?: Millis
}

/** The certificate that a peer shows to clients and to other peers, with its key, and who may have signed theirs: PEM. */
export interface PeerTls {
  readonly cert: string | Buffer
  readonly key: string | Buffer
  readonly ca?: string | Buffer
}

/** The options with everything filled in that follows from them. */
export interface SoundPeer {
  readonly cluster: string
  /** Where it listens; `self` has where others find it. */
  readonly listenHost: string
  readonly self: PeerAddressed
  readonly others: readonly PeerAddressed[]
  /** Of an observer: where it looks for the voters. */
  readonly seeds: readonly Seed[] | undefined
  /** What it says about itself. */
  readonly metadata: unknown
  readonly timing: Timing
  /** What every leader serves. */
  readonly served: Pick<Served, 'defaults' | 'groups' | 'poll' | 'fresh'>
  readonly dataDir: string | undefined
  readonly token: string | undefined
  readonly links: 'plain' | 'direct'
  readonly tls: PeerTls | undefined
  readonly insecure: boolean
  readonly onFault: ((error: unknown) => void) | undefined
}

const OWN = ['dataDir', 'poll', 'fresh', 'token', 'tls', 'insecure', 'onFault']
const OF_A_FILE = [
  'cluster',
  'identifier',
  'listen_host',
  'listen_port',
  'peers',
  'seeds',
  'metadata',
  'timing',
  'links',
  'groups',
]
/** What the voters keep and serve; nobody else says anything about that. */
const OF_VOTERS = ['peers', 'dataDir', 'groups', 'fresh', 'links']
/** The name of a cluster that was given none. */
const DEFAULT_CLUSTER = 'default'

/** Throws `CAUCUS_INVALID_CONFIG` with everything that is wrong: a quorum must never shrink by a slip. */
export const soundPeer = (options: PeerOptions): SoundPeer => {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw faulty(['peer() takes an object'])
  const known = [...OF_A_FILE, ...OWN]
  const faults = Object.keys(options)
    .filter((name) => !known.includes(name))
    .map((name) => `the key ${JSON.stringify(name.slice(0, 64))} is not known; known: ${known.join(', ')}`)
  const given: Readonly<Record<string, unknown>> = { ...options }
  const reader = new ConfigReader()
  const config = reader.config(
    Object.fromEntries(OF_A_FILE.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]]))),
  )
  faults.push(...reader.faults)
  const { identifier = '', listenHost: host = '127.0.0.1', listenPort: port } = config
  for (const name of ['identifier', 'listen_port', ...(given.seeds === undefined ? ['peers'] : [])])
    if (given[name] === undefined) faults.push(`${name} is missing`)
  const seeds = given.seeds === undefined ? undefined : seedsOf(given.seeds, options.tls !== undefined)
  if (seeds !== undefined) faults.push(...seeds.faults, ...observerFaults(given))
  faults.push(...ownFaults(config.peers, identifier, port), ...metadataFaults(config.peers, config.metadata))
  faults.push(...optionFaults(options))
  if (faults.length > 0) throw faulty([...new Set(faults)])
  const others = otherPeers(config)
  const fault = votersFault([identifier, ...others.map((peer) => peer.identifier)])
  if (fault !== undefined) throw faulty([fault])
  const timing = resolveTiming(options.timing ?? presets.lan)
  requireSafe(checkTiming(timing, { peers: true }))
  const served = servedOf(options, config.groups, timing)
  const listed = config.peers.find((peer) => peer.identifier === identifier)
  const metadata = config.metadata ?? listed?.metadata
  return {
    cluster: config.cluster ?? DEFAULT_CLUSTER,
    listenHost: host,
    self: { identifier, host: listed?.host ?? host, port: port ?? 0, metadata: metadata ?? {} },
    others: others.map((peer) => ({ ...peer, metadata: peer.metadata })),
    seeds: seeds?.seeds,
    metadata,
    timing,
    served,
    dataDir: options.dataDir,
    token: options.token,
    links: config.links ?? 'plain',
    tls: options.tls,
    insecure: options.insecure === true,
    onFault: options.onFault,
  }
}

/** An entry with this peer's own identifier is its own when it has its port, and a slip of the pen otherwise: one voter would be gone. */
const ownFaults = (peers: readonly Peer[], identifier: string, port: number | undefined): string[] =>
  peers.flatMap((peer, index) => {
    if (peer.identifier !== identifier || port === undefined || peer.port === port) return []
    return [
      `peers[${index}] has the identifier ${JSON.stringify(identifier)} of this peer, which listens on port ${port}, but the port ${peer.port}: give each peer an identifier of its own`,
    ]
  })

/** Whoever has no vote says nothing about what voters do: with a `seeds` too many, a voter would be gone. */
const observerFaults = (given: Readonly<Record<string, unknown>>): string[] => {
  const fault = observerMetadataFault(given.metadata)
  return [
    ...OF_VOTERS.filter((name) => given[name] !== undefined).map(
      (name) => `seeds makes this peer an observer, which takes no ${name}; leave one of them out`,
    ),
    ...(fault === undefined ? [] : [fault]),
  ]
}

const servedOf = (
  { poll, fresh = false }: PeerOptions,
  groups: Config['groups'],
  timing: Timing,
): SoundPeer['served'] => {
  for (const [name, group] of groups) {
    const violations = group.timing === undefined ? [] : checkTiming(group.timing, { peers: true })
    requireSafe(violations.map((found) => ({ ...found, rule: `groups.${name}: ${found.rule}` })))
  }
  const served = servedGroupsOf(groups, timing, poll?.group)
  if (poll === undefined) return { ...served, fresh }
  const settings = pollSettingsOf(poll.group, groups.get(poll.group)?.timing ?? timing, poll.intervalMs)
  if (settings.pollIntervalMs <= settings.timeoutMs) return { ...served, poll: settings, fresh }
  throw faulty([
    `poll.intervalMs is ${settings.pollIntervalMs} and the lease ${settings.timeoutMs}: a client that polls so rarely would be taken for gone between two polls`,
  ])
}

const metadataFaults = (peers: readonly Peer[], own: unknown): string[] =>
  [
    metadataFault(own),
    ...peers.map(({ metadata }, index) => metadataFault(metadata, `peers[${index}].metadata`)),
  ].filter((fault) => fault !== undefined)

const optionFaults = ({ dataDir, poll, fresh, token, links, tls, insecure, onFault }: PeerOptions): string[] => {
  const faults: string[] = []
  if (dataDir !== undefined && (typeof dataDir !== 'string' || dataDir === '')) faults.push('dataDir must be a path')
  if (token !== undefined && (typeof token !== 'string' || !/^[\x21-\x7e]{1,1024}$/.test(token)))
    faults.push('token must be 1 to 1024 printable ASCII characters without spaces')
  if (fresh !== undefined && typeof fresh !== 'boolean') faults.push('fresh must be true or false')
  const wrong = poll === undefined ? undefined : pollFault(poll)
  if (wrong !== undefined) faults.push(wrong)
  if (links === 'direct' && tls !== undefined)
    faults.push("links: 'direct' needs plain TCP, and does not go with tls: leave one of them out")
  if (insecure !== undefined && typeof insecure !== 'boolean') faults.push('insecure must be true or false')
  if (onFault !== undefined && typeof onFault !== 'function') faults.push('onFault must be a function')
  const fault = tls === undefined ? undefined : tlsFault(tls)
  if (fault !== undefined) faults.push(fault)
  return faults
}

const pollFault = (poll: PeerPoll): string | undefined => {
  if (typeof poll !== 'object' || poll === null) return 'poll takes the name of a group: { group }'
  const { group, intervalMs, ...unknown } = poll
  const [extra] = Object.keys(unknown)
  if (extra !== undefined) return `poll takes group and intervalMs, not ${JSON.stringify(extra.slice(0, 64))}`
  if (intervalMs !== undefined && !(intervalMs > 0)) return 'poll.intervalMs must be a number of milliseconds'
  const fault = groupNameFault(group, 'poll.group')
  if (fault !== undefined || electionOf(group) === undefined) return fault
  return "poll.group is the name of an election; give bloc's clients a group"
}

const tlsFault = (tls: PeerTls): string | undefined => {
  if (typeof tls !== 'object' || tls === null || tls.cert === undefined || tls.key === undefined)
    return 'tls takes cert, key and, to ask for certificates, ca, as PEM'
  try {
    createSecureContext(tls)
    return undefined
  } catch (error) {
    return `tls: ${error instanceof Error ? error.message : String(error)}`
  }
}

const faulty = (faults: readonly string[]): CaucusError =>
  new CaucusError('CAUCUS_INVALID_CONFIG', `this peer cannot start: ${faults.join('; ')}`, { details: { faults } })
