import type { Cluster } from './backends/peer/cluster.ts'
import { type PeerOptions, soundPeer } from './backends/peer/options.ts'
import { remote } from './backends/remote/index.ts'
import type { BackendFactory } from './ports/backend.ts'

export type { Cluster, ClusterLeader } from './backends/peer/cluster.ts'
export type { ClusterEvent } from './backends/peer/events.ts'
export { type PeerGroup, type PeerOptions, type PeerPoll, type PeerTls, soundPeer } from './backends/peer/options.ts'

/**
 * Runs one voter of a cluster in this process, or with `seeds` an observer, on a port of its own. Resolves once it listens; who leads is
 * known later (`watch`).
 *
 * Rejects with `CAUCUS_INVALID_CONFIG` that names everything that is wrong with the options, with `CAUCUS_CONFLICT` when the port or the
 * data directory is somebody else's, and with `CAUCUS_BACKEND` when the record in it is damaged. Then it neither votes nor leads.
 */
export const peer = async (options: PeerOptions): Promise<Cluster> => {
  const sound = soundPeer(options)
  // Only now: whoever has no voter in its process need not load a server.
  const [{ openPeer }, { readVersion }, { peerListener }, { Meter }] = await Promise.all([
    import('./backends/peer/index.ts'),
    import('./backends/peer/version.ts'),
    import('./server/peer-listen.ts'),
    import('./server/meter.ts'),
  ])
  const meter = new Meter()
  return openPeer(sound, {
    listen: peerListener({ version: readVersion(), meter, pollGroup: sound.served.poll?.group }),
    telemetry: meter,
    reach: reachOf(sound),
  })
}

/** How `connect(cluster)` gets at whoever leads: as any client does, with what peers show each other. */
export const reachOf =
  ({ token, tls, timing }: ReturnType<typeof soundPeer>) =>
  (urls: readonly string[]): BackendFactory =>
    remote(urls, { timing, ...(token !== undefined && { token }), ...(tls !== undefined && { tls }) })
