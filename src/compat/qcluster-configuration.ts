import { CaucusError } from '../errors.ts'
import type { PeerOptions } from '../peer.ts'

/** One of the other peers, as the original's configuration names it. */
export interface QClusterPeer {
  readonly identifier: string
  readonly host: string
  readonly port: number
  /** What every other peer gets to know of it, such as `{ "server_port": 8002 }`. */
  readonly metadata?: unknown
}

/** The original's configuration as it is, and three keys that it has not. */
export interface QClusterConfiguration {
  readonly identifier: string
  readonly listen_host: string
  readonly listen_port: number
  readonly peers: readonly QClusterPeer[]
  /** What this peer says of itself where the others' lists say nothing. */
  readonly metadata?: unknown
  /** The same on each peer. Default `default`. */
  readonly cluster?: string
  /** The same on each peer. Default `lan`. */
  readonly timing?: NonNullable<PeerOptions['timing']>
}

const KEYS = ['identifier', 'listen_host', 'listen_port', 'peers', 'metadata', 'cluster', 'timing']

/** What keys a configuration may have. Throws `CAUCUS_INVALID_CONFIG`: a key that nobody reads is a slip, and may be the one that counts. */
export const checkKeys = (configuration: QClusterConfiguration): void => {
  if (typeof configuration !== 'object' || configuration === null || Array.isArray(configuration)) {
    throw new CaucusError(
      'CAUCUS_INVALID_CONFIG',
      'QCluster() takes the configuration as an object, such as JSON.parse() gives',
    )
  }
  const unknown = Object.keys(configuration).filter((key) => !KEYS.includes(key))
  if (unknown.length === 0) return
  const named = unknown.map((key) => JSON.stringify(key.slice(0, 64))).join(', ')
  throw new CaucusError(
    'CAUCUS_INVALID_CONFIG',
    `QCluster: the configuration has keys that are not known: ${named}; known: ${KEYS.join(', ')}`,
    { details: { unknown } },
  )
}
