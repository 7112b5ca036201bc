import { type Later, MEMBER_DEEDS } from '../cluster/member-deeds.ts'
import { type AnyFault, isOfPeers, LEADER, type PeerFault, type PeerFaultName } from './fault.ts'
import type { SimulatedPeer } from './peer.ts'
import type { PeersWorld } from './world.ts'

type Deed = (world: PeersWorld, peer: SimulatedPeer, fault: PeerFault, later: Later) => void

const cut = (world: PeersWorld, ways: readonly (readonly [string, string])[], forMs: number, later: Later): void => {
  const lifts = ways.map(([from, to]) => world.bench.network.direction(from, to).block())
  later(forMs, () => {
    for (const lift of lifts) lift()
  })
}

const out = (world: PeersWorld, peer: SimulatedPeer) => world.othersOf(peer).map(({ id }) => [peer.id, id] as const)
const into = (world: PeersWorld, peer: SimulatedPeer) => world.othersOf(peer).map(({ id }) => [id, peer.id] as const)

const crash: Deed = (world, peer, { forMs = 0, silent = false, charterAlone = false, fault }, later) => {
  peer.crash({ silent })
  // Of two empty disks nobody knows what they promised: that takes a person.
  if (fault === 'peerLosesDisk' && world.mayLoseDisk(peer)) peer.loseDisk(charterAlone)
  later(forMs, () => peer.start())
}

const stop: Deed = (_world, peer, { forMs = 0 }, later) => void peer.stop().then(() => later(forMs, () => peer.start()))

const cutPair: Deed = (world, peer, { other = '', forMs = 0 }, later) =>
  cut(
    world,
    [
      [peer.id, other],
      [other, peer.id],
    ],
    forMs,
    later,
  )

/** One after the other, each once the one before is back. */
const roll = (world: PeersWorld, [first, ...rest]: readonly SimulatedPeer[], pauseMs: number, later: Later): void => {
  if (first === undefined || world.healed) return
  void first.stop().then(() =>
    later(pauseMs, () => {
      first.start()
      later(pauseMs, () => roll(world, rest, pauseMs, later))
    }),
  )
}

const DEEDS: Readonly<Record<PeerFaultName, Deed>> = {
  peerCrash: crash,
  peerLosesDisk: crash,
  peerStop: stop,
  peerPause: (_world, peer, { forMs = 0 }) => peer.pause(forMs),
  peerSuspend: (_world, peer, { forMs = 0 }) => peer.suspend(forMs),
  peerWallClock: (_world, peer, { byMs = 0 }) => peer.stepWallClock(byMs),
  peerDiskSlow: (_world, { disk }, { byMs = 0, forMs = 0 }, later) => {
    disk.writeMs = byMs
    later(forMs, () => disk.heal())
  },
  peerDiskFull: (_world, { disk }, { forMs = 0 }, later) => {
    disk.full = true
    later(forMs, () => disk.heal())
  },
  peerCut: (world, peer, { forMs = 0 }, later) => cut(world, [...out(world, peer), ...into(world, peer)], forMs, later),
  peerUnheard: (world, peer, { forMs = 0 }, later) => cut(world, out(world, peer), forMs, later),
  peerDeaf: (world, peer, { forMs = 0 }, later) => cut(world, into(world, peer), forMs, later),
  pairCut: cutPair,
  memberCut: cutPair,
  peerDisconnect: (world, peer) => world.bench.network.forget(peer.id, 'both'),
  peerSlow: (world, peer, { byMs = 0, forMs = 0 }, later) => {
    const ways = [...out(world, peer), ...into(world, peer)].map(([a, b]) => world.bench.network.direction(a, b))
    for (const way of ways) way.extraDelayMs = byMs
    later(forMs, () => {
      for (const way of ways) way.extraDelayMs = 0
    })
  },
  transfer: (_world, peer, { other }) => peer.transfer(other),
  rolling: (world, peer, { forMs = 0 }, later) => roll(world, [peer, ...world.othersOf(peer)], forMs, later),
  operatorEvicts: (world, peer, { other = '' }) => world.evict(peer, other),
}

export const doAny = (world: PeersWorld, fault: AnyFault, later: Later): void => {
  if (!isOfPeers(fault)) return MEMBER_DEEDS[fault.fault](world, fault, later)
  const peer = fault.peer === LEADER ? world.leading : world.peers.find(({ id }) => id === fault.peer)
  // While nobody leads there is nobody to do it to.
  if (peer !== undefined) DEEDS[fault.fault](world, peer, fault, later)
}
