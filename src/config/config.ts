import type { ShareKind } from '../core/group/messages.ts'
import type { AccessRule } from './access.ts'
import type { ConfiguredLimits } from './rates.ts'
import type { Timing } from './timing.ts'

export interface Peer {
  readonly identifier: string
  readonly host: string
  readonly port: number
  readonly metadata?: unknown
}

export interface GroupConfig {
  readonly share?: ShareKind
  /** Present when the group has timing of its own. */
  readonly timing?: Timing
}

/** What a configuration file says, with everything filled in that follows from it. */
export interface Config {
  readonly cluster?: string
  readonly identifier?: string
  readonly listenHost?: string
  readonly listenPort?: number
  readonly peers: readonly Peer[]
  /** Where a peer without a vote looks for the voters. */
  readonly seeds?: readonly string[]
  readonly metadata?: unknown
  /** The file's own, over `timing.lan`; without one that of a plain server (`servedTiming`), with peers `timing.lan`. */
  readonly timing: Timing
  readonly groups: ReadonlyMap<string, GroupConfig>
  /** Of a voter: whether it holds tethers with the others. */
  readonly links?: 'plain' | 'direct'
  /** Who may do what. */
  readonly tokens?: readonly AccessRule[]
  /** Paths of PEM files. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string }
  /** Of an identity, of an address, and of all together. */
  readonly limits?: ConfiguredLimits
}

/** The largest number of partitions of a group: all of them must fit into one message. */
export const MAX_PARTITIONS = 4_096

/** Voters besides this one. The predecessor's files list the others or all of them, so the own entry does not count. */
export const otherPeers = ({
  peers,
  identifier,
}: {
  readonly peers: readonly Peer[]
  readonly identifier?: string | undefined
}): readonly Peer[] => peers.filter((peer) => peer.identifier !== identifier)
