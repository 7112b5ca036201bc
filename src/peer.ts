import type { Cluster } from './backends/peer/cluster.ts'
import { type PeerOptions, soundPeer } from './backends/peer/options.ts'
import { remote } from './backends/remote/index.ts'
import { CaucusError } from './errors.ts'
import type { BackendFactory } from './ports/backend.ts'
import type { Tracing } from './ports/tracing.ts'
import { checkTracing } from './runtime/tracing.ts'

export type { Cluster, ClusterLeader } from './backends/peer/cluster.ts'
export type { ClusterEvent } from './backends/peer/events.ts'
export { type PeerGroup, type PeerOptions, type PeerPoll, type PeerTls, soundPeer } from './backends/peer/options.ts'

/**
 * Runs one voter of a cluster in this process, or with `seeds` an observer, on a port of its own. Resolves once it listens; who leads is
 * known later (`watch`). With `tracing`, times without a leader and reigns of this peer are spans.
 *
 * Rejects with `CAUCUS_INVALID_CONFIG` that names everything that is wrong with the options, with `CAUCUS_CONFLICT` when the port or the
 * data directory is somebody else's, and with `CAUCUS_BACKEND` when the record in it is damaged. Then it neither votes nor leads.
 */
export const peer = async (options: PeerOptions, more: { readonly tracing?: Tracing } = {}): Promise<Cluster> => {
  const sound = soundPeer(options)
  const { tracing } = soundMore(more)
  // Only now: whoever has no voter in its process need not load a server.
  const [{ openPeer }, { traced }, { readVersion }, { peerListener }, { Meter }] = await Promise.all([
    import('./backends/peer/index.ts'),
    import('./backends/peer/traced.ts'),
    import('./backends/peer/version.ts'),
    import('./server/peer-listen.ts'),
    import('./server/meter.ts'),
  ])
  const meter = new Meter()
  const who = { cluster: sound.cluster, peer: sound.self.identifier }
  return openPeer(sound, {
    listen: peerListener({ version: readVersion(), meter, pollGroup: sound.served.poll?.group }),
    telemetry: tracing === undefined ? meter : traced(meter, tracing, who),
    reach: reachOf(sound),
  })
}

const soundMore = (more: { readonly tracing?: Tracing }) => {
  const isKnown = typeof more === 'object' && more !== null && Object.keys(more).every((name) => name === 'tracing')
  if (!isKnown)
    throw new CaucusError(
      'CAUCUS_INVALID_ARGUMENT',
      'peer(options, { tracing }) takes nothing else besides its options',
    )
  checkTracing(more.tracing, 'peer(options, { tracing })')
  return more
}

/** How `connect(cluster)` gets at whoever leads: as any client does, with what peers show each other. */
export const reachOf =
  ({ token, tls, timing }: ReturnType<typeof soundPeer>) =>
  (urls: readonly string[]): BackendFactory =>
    remote(urls, { timing, ...(token !== undefined && { token }), ...(tls !== undefined && { tls }) })
