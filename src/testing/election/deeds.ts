import type { PeerMessage } from '../../core/election/messages.ts'
import type { Random } from '../../core/random.ts'
import { exponential, pick } from '../simulation/conditions.ts'
import { lucky } from '../simulation/lot.ts'
import { arrangeRecurring, type DeedIn } from '../simulation/recurring.ts'
import type { ElectionFault } from './conditions.ts'
import { hostileMessages, inflatedMessages } from './hostile.ts'
import { type Peer, RIVAL } from './peer.ts'
import { CLUSTER, type ElectionWorld } from './world.ts'

/** False: there was nothing to do it to. */
type Deed = DeedIn<ElectionWorld>

const anyOf = (world: ElectionWorld, random: Random, which: (peer: Peer) => boolean = () => true): Peer | undefined =>
  lucky([...world.peers.values()].filter(which), ({ address }) => address, random)

const leads = (peer: Peer): boolean => peer.machine.view().role === 'leader'

/** The leader as often as not: it has more to lose. */
const preferably = (world: ElectionWorld, random: Random): Peer | undefined =>
  (random.next() < 0.5 ? anyOf(world, random, leads) : undefined) ?? anyOf(world, random)

const someTime = ({ bench }: ElectionWorld, random: Random): number =>
  bench.conditions.timing.electionMaxMs * pick(random, [0.2, 0.5, 1, 2, 5]) * (0.5 + random.next())

const addresses = (world: ElectionWorld): string[] => [...world.ids, ...world.watchers.keys()]

const isWhole = (world: ElectionWorld): boolean => world.ids.every((id) => !isEmpty(world, id))

const isEmpty = (world: ElectionWorld, address: string): boolean => world.disks.get(address)?.durable?.complete !== true

/** In the middle of the first start, when nobody takes part yet and nothing has happened that could be forgotten. */
const isBeginning = (world: ElectionWorld): boolean =>
  world.bench.conditions.profile === 'founding' && world.ids.every((id) => isEmpty(world, id))

/** A second process under one id that begins with nothing counts, too: where nobody else is left, nothing tells it from a first start. */
const empties = (world: ElectionWorld): number =>
  [...new Set([...world.ids, ...world.disks.keys()])].filter((address) => isEmpty(world, address)).length

const loseDisk = (world: ElectionWorld, peer: Peer, random: Random): void => {
  world.crash(peer, false)
  world.diskOf(peer.address).lose()
  world.startLater(peer.address, random)
}

const forgeries =
  (make: (world: ElectionWorld, to: Peer, random: Random) => readonly PeerMessage[]): Deed =>
  (world, random) => {
    const to = preferably(world, random)
    if (to === undefined) return false
    for (const message of make(world, to, random))
      world.forge({ from: message.sender?.id ?? 'nobody', to: to.address, message })
    return true
  }

const DEEDS: Partial<Record<ElectionFault, Deed>> = {
  slowLink: (world, random) => {
    const all = addresses(world)
    world.network.slowDown(pick(random, all), pick(random, all), someTime(world, random))
    return true
  },
  partition: (world, random) => {
    const forMs = someTime(world, random)
    const here = new Set(addresses(world).filter(() => random.next() < 0.5))
    for (const a of addresses(world))
      for (const b of addresses(world)) if (here.has(a) !== here.has(b)) world.network.cut(a, b, forMs)
    return true
  },
  oneWay: (world, random) => {
    const from = preferably(world, random)?.address ?? pick(random, world.ids)
    const forMs = someTime(world, random)
    const outwards = random.next() < 0.5
    for (const other of addresses(world))
      if (outwards) world.network.cut(from, other, forMs)
      else world.network.cut(other, from, forMs)
    return true
  },
  isolation: (world, random) => {
    const who = preferably(world, random)?.address ?? pick(random, world.ids)
    const forMs = someTime(world, random)
    for (const other of addresses(world)) {
      world.network.cut(who, other, forMs)
      world.network.cut(other, who, forMs)
    }
    return true
  },
  /** Everybody else hears both: the leader leads on, and one voter misses it. */
  pairCut: (world, random) => {
    const from = preferably(world, random)?.address ?? pick(random, world.ids)
    const other = pick(random, world.ids)
    const forMs = someTime(world, random)
    world.network.cut(from, other, forMs)
    world.network.cut(other, from, forMs)
    return other !== from
  },
  crash: (world, random) => {
    const peer = preferably(world, random)
    if (peer === undefined) return false
    world.crash(peer, random.next() < 0.5)
    // Restarted at once, it comes back within the promises that it gave.
    if (random.next() < 0.4) world.start(peer.address)
    else world.startLater(peer.address, random)
    return true
  },
  lostDisk: (world, random) => {
    const peer = preferably(world, random)
    if (peer === undefined || peer.address.endsWith(RIVAL)) return false
    if (!isWhole(world) && !isBeginning(world)) return false
    loseDisk(world, peer, random)
    return true
  },
  twoEmpty: (world, random) => {
    const peer = preferably(world, random)
    if (peer === undefined || peer.address.endsWith(RIVAL) || empties(world) > 1) return false
    if (peer.disk?.durable?.complete !== true) return false
    loseDisk(world, peer, random)
    return true
  },
  fullDisk: (world, random) => {
    const disk = world.diskOf(pick(random, world.ids))
    disk.full = true
    world.bench.agenda.after(someTime(world, random), () => {
      disk.full = false
    })
    return true
  },
  tetherReset: (world, random) => {
    const peer = preferably(world, random)
    return peer !== undefined && world.tethers.reset(peer, random)
  },
  tetherClose: (world, random) => {
    const peer = preferably(world, random)
    peer?.post({ type: 'untether' })
    return peer !== undefined
  },
  /** A thread is ended from outside: its sockets are closed in order, and nothing in it ever runs again. */
  terminate: (world, random) => {
    const peer = preferably(world, random)
    if (peer === undefined) return false
    world.terminate(peer)
    world.startLater(peer.address, random)
    return true
  },
  pause: (world, random) => {
    const peer = preferably(world, random)
    peer?.standStill(someTime(world, random), false)
    return peer !== undefined
  },
  suspend: (world, random) => {
    const peer = preferably(world, random)
    peer?.standStill(someTime(world, random), true)
    return peer !== undefined
  },
  wallStep: (world, random) => {
    const peer = preferably(world, random)
    if (peer === undefined) return false
    const byMs = someTime(world, random) * pick(random, [-1, 1, 1, 100])
    world.clockOf(peer.address).stepWall(byMs, world.bench.now)
    world.believesAnew(peer)
    return true
  },
  transfer: (world, random) => {
    const leader = anyOf(world, random, leads)
    if (leader === undefined) return false
    leader.post(random.next() < 0.5 ? { type: 'transfer' } : { type: 'transfer', to: pick(random, world.ids) })
    return true
  },
  rolling: (world, random) => {
    let afterMs = 0
    for (const id of world.ids) {
      const stop = afterMs
      world.bench.agenda.after(stop, () => world.peers.get(id)?.post({ type: 'stop' }))
      const downMs = world.bench.conditions.timing.electionMinMs * random.next()
      world.bench.agenda.after(stop + downMs, () => {
        const peer = world.peers.get(id)
        if (peer !== undefined) world.crash(peer, true)
        world.startLater(id, random.fork(id))
      })
      afterMs += world.bench.conditions.timing.electionMaxMs * (1 + random.next())
    }
    return true
  },
  replay: (world, random) => {
    const { remembered } = world.network
    if (remembered.length === 0) return false
    for (let n = 0; n < 8; n++) {
      const sent = pick(random, remembered)
      world.bench.agenda.after(exponential(random, someTime(world, random)), () => world.forge(sent))
    }
    return true
  },
  malformed: forgeries(hostileMessages),
  hugeTerm: forgeries(inflatedMessages),
  rival: (world, random) => {
    if (!isWhole(world) || [...world.peers.keys()].some((address) => address.endsWith(RIVAL))) return false
    // Always the same one: with two of them nobody is left to say who is who.
    const before = [...world.disks.keys()].find((address) => address.endsWith(RIVAL))
    const address = before ?? pick(random, world.ids) + RIVAL
    world.start(address)
    world.bench.agenda.after(someTime(world, random) * 4, () => {
      const peer = world.peers.get(address)
      if (peer !== undefined && peer.disk?.durable?.complete !== true) world.crash(peer, false)
    })
    return true
  },
  stranger: forgeries((world, to, random) => {
    const { sender } = inflatedMessages(world, to, random)[0] ?? {}
    if (sender === undefined) return []
    const term = to.machine.view().term + random.below(4)
    const other = pick(random, [
      { ...sender, cluster: `${CLUSTER}-2` },
      { ...sender, voters: '["v0"]' },
      { ...sender, id: 'v99' },
      { ...sender, storeId: 'other' },
      { ...sender, founding: 'another' },
    ])
    return [
      { type: 'vote', term: term + 1, round: 1, sender: other },
      { type: 'beat', term, round: 1, promiseMs: 1e6, leads: true, generation: 1, sender: other },
      { type: 'voted', term, round: 1, granted: true, ownTerm: term, sender: other },
    ]
  }),
}

const RARE: Partial<Record<ElectionFault, number>> = { rolling: 6, rival: 6, malformed: 0.5 }

export const arrangeElectionFaults = (world: ElectionWorld): void =>
  arrangeRecurring<ElectionFault, ElectionWorld>(world, {
    deedOf: (fault) => DEEDS[fault],
    gapMs: (fault, random) => exponential(random, world.bench.conditions.faultEveryMs * (RARE[fault] ?? 2)),
  })
