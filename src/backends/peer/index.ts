import { randomUUID } from 'node:crypto'
import type { BackendFactory } from '../../ports/backend.ts'
import type { Clocks } from '../../ports/clock.ts'
import type { ListenForPeers } from '../../ports/peers.ts'
import type { OpenSocket } from '../../ports/socket.ts'
import type { Telemetry } from '../../ports/telemetry.ts'
import { systemClocks } from '../../runtime/system-clock.ts'
import { voterStore } from '../../stores/voter-store.ts'
import { openWebSocket } from '../../transports/websocket.ts'
import { type AskSeed, seedAsker } from './ask-seed.ts'
import { type Cluster, RunningCluster } from './cluster.ts'
import { ObservingCluster } from './observing.ts'
import { openTether } from './open-tether.ts'
import type { SoundPeer } from './options.ts'
import type { Seed, SeedSources } from './seeds.ts'

export interface PeerSurroundings {
  /** A server's way to open the port. */
  readonly listen: ListenForPeers
  readonly telemetry?: Telemetry | undefined
  readonly clocks?: Clocks
  readonly openSocket?: OpenSocket
  random?(): number
  wallMs?(): number
  newId?(): string
  /** A client of a server under one of these URLs, with what peers show each other. */
  reach?(urls: readonly string[]): BackendFactory
  readonly ask?: AskSeed
  readonly sources?: SeedSources
}

/**
 * Runs one voter, or an observer. Resolves once it listens; who leads is known later.
 *
 * Rejects with `CAUCUS_CONFLICT` when the port or the data directory is somebody else's, with `CAUCUS_INVALID_CONFIG` when they cannot be
 * used, and with `CAUCUS_BACKEND` when the record in the directory is damaged or the disk fails. Then it neither votes nor leads.
 */
export const openPeer = async (sound: SoundPeer, surroundings: PeerSurroundings): Promise<Cluster> => {
  const { listen, telemetry, clocks = systemClocks, openSocket = openWebSocket } = surroundings
  const { random = Math.random, wallMs = Date.now, newId = randomUUID, reach } = surroundings
  const { dataDir, cluster, self } = sound
  if (sound.seeds !== undefined) return observe(sound, sound.seeds, surroundings)
  const store = dataDir === undefined ? undefined : await voterStore(dataDir, { cluster, voter: self.identifier })
  const running = new RunningCluster({
    sound,
    store,
    clocks,
    openSocket,
    openTether,
    telemetry,
    random,
    wallMs,
    newId,
    ...(reach !== undefined && { reach }),
  })
  return listening(running, sound, listen)
}

const observe = async (sound: SoundPeer, seeds: readonly Seed[], surroundings: PeerSurroundings): Promise<Cluster> => {
  const { listen, telemetry, clocks = systemClocks, openSocket = openWebSocket, sources, reach } = surroundings
  const { random = Math.random, wallMs = Date.now, newId = randomUUID } = surroundings
  const { token, tls } = sound
  const { ask = seedAsker({ token, tls, clock: clocks.grantor }) } = surroundings
  const observing = new ObservingCluster({
    sound,
    seeds,
    sources,
    ask,
    clocks,
    openSocket,
    telemetry,
    random,
    wallMs,
    newId,
    ...(reach !== undefined && { reach }),
  })
  return listening(observing, sound, listen)
}

/** It takes part from when it can be reached. Of one that cannot be, nothing is left. */
const listening = async <Peer extends RunningCluster | ObservingCluster>(
  peer: Peer,
  { listenHost, self, token, tls, insecure }: SoundPeer,
  listen: ListenForPeers,
): Promise<Peer> => {
  try {
    peer.begin(await listen({ peers: peer.hosting, host: listenHost, port: self.port, token, tls, insecure }))
    return peer
  } catch (error) {
    await peer.close()
    throw error
  }
}
