import type { ElectionEvent } from '../../core/election/io.ts'
import type { Telemetry } from '../../ports/telemetry.ts'
import type { ReignEvent } from '../../runtime/reigns.ts'
import type { PeerLinkEvent } from './dialed-peer.ts'
import type { DiscoveryEvent } from './discovery.ts'
import type { ObserverEvent } from './observers.ts'

/** What happens in a cluster, as one of its peers sees it. */
export type ClusterEvent = ElectionEvent | PeerLinkEvent | ReignEvent | ObserverEvent | DiscoveryEvent

export const log = (event: ClusterEvent, telemetry: Telemetry | undefined): void => {
  telemetry?.event(event)
  const { type, ...details } = event
  telemetry?.log(WORTH_A_WARNING.has(type) ? 'warn' : 'info', type, { event: type, ...plain(details) })
}

const WORTH_A_WARNING: ReadonlySet<ClusterEvent['type']> = new Set([
  'peer.refused',
  'voter.refused',
  'configuration.ignored',
  'link.refused',
  'seeds.failed',
])

/** For a log: an error under its own name, which says what it is without its stack. */
const plain = (details: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  details.error instanceof Error ? { ...details, error: undefined, reason: details.error.message } : details
