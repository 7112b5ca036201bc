import type { Random } from '../../core/random.ts'
import { compareEntries, latestEntry } from '../../core/replication/entries.ts'
import { exponential, pick } from '../simulation/conditions.ts'
import { lucky } from '../simulation/lot.ts'
import { arrangeRecurring, type DeedIn } from '../simulation/recurring.ts'
import type { ReplicationFault } from './conditions.ts'
import { hostileMessage } from './hostile.ts'
import type { ReplicaProcess } from './voter.ts'
import type { ReplicationWorld } from './world.ts'

/** False: there was nothing to do it to. */
type Deed = DeedIn<ReplicationWorld>

const oneOf = (voters: Iterable<ReplicaProcess>, random: Random): ReplicaProcess | undefined =>
  lucky([...voters], ({ id }) => id, random)

/** A leader as often as not: it has more to lose. */
const preferably = (world: ReplicationWorld, random: Random): ReplicaProcess | undefined =>
  (random.next() < 0.5 ? oneOf(world.oracle.leaders, random) : undefined) ?? oneOf(world.voters.values(), random)

const someTime = (world: ReplicationWorld, random: Random): number =>
  world.bench.conditions.retryMs * pick(random, [0.5, 2, 5, 15]) * (0.5 + random.next())

const loseDisk = (world: ReplicationWorld, id: string, random: Random, atOnce = random.next() < 0.6): void => {
  const voter = world.voters.get(id)
  if (voter !== undefined) world.crash(voter, false)
  world.platters.get(id)?.lose(random.next() < 0.3)
  if (atOnce) world.start(id)
  else world.startLater(id, random)
}

const DEEDS: Partial<Record<ReplicationFault, Deed>> = {
  slowLink: (world, random) => {
    world.network.slowDown(pick(random, world.ids), pick(random, world.ids), someTime(world, random))
    return true
  },
  partition: (world, random) => {
    const forMs = someTime(world, random)
    const here = new Set(world.ids.filter(() => random.next() < 0.5))
    for (const a of world.ids)
      for (const b of world.ids) if (here.has(a) !== here.has(b)) world.network.cut(a, b, forMs)
    return true
  },
  /** One way as often as both. */
  isolation: (world, random) => {
    const who = preferably(world, random)?.id ?? pick(random, world.ids)
    const forMs = someTime(world, random)
    const ways = pick(random, ['in', 'out', 'both', 'both'])
    for (const other of world.ids) {
      if (ways !== 'in') world.network.cut(who, other, forMs)
      if (ways !== 'out') world.network.cut(other, who, forMs)
    }
    return true
  },
  crash: (world, random) => {
    const voter = preferably(world, random)
    if (voter === undefined) return false
    world.crash(voter, random.next() < 0.5)
    if (random.next() < 0.4) world.start(voter.id)
    else world.startLater(voter.id, random)
    return true
  },
  /** At once when it has just been written to, as often as not: somebody counts on it. */
  lostDisk: (world, random) => {
    const id = preferably(world, random)?.id ?? pick(random, world.ids)
    if (!world.mayLoseDisk(id)) return false
    loseDisk(world, id, random)
    return true
  },
  /**
   * Two are lost. One of them waits for a third, which is lost as soon as the other one is back: it hears of three that are blank, and there were
   * never more than two.
   */
  relay: (world, random) => {
    const [first, second, third] = world.ids.map((id) => ({ id, lot: random.next() })).sort((a, b) => a.lot - b.lot)
    if (first === undefined || second === undefined || third === undefined) return false
    const isWhole = ({ id }: { id: string }) => world.platters.get(id)?.record !== undefined
    if (![first, second, third].every(isWhole) || !world.mayLoseDisk(first.id)) return false
    loseDisk(world, first.id, random, true)
    const nonce = world.asking.get(first.id)
    const everyMs = world.bench.conditions.delayMs / 4
    const whenever = (come: () => boolean, then: () => void, tries = 400): void => {
      if (!world.bench.faulty || tries === 0) return
      if (come()) then()
      else world.bench.agenda.after(everyMs, () => whenever(come, then, tries - 1))
    }
    const asks = () => world.asking.get(first.id) !== nonce
    whenever(asks, () => {
      if (!world.mayLoseDisk(second.id)) return
      world.network.cut(third.id, first.id, 400 * everyMs)
      loseDisk(world, second.id, random, true)
      whenever(
        () => isWhole(second),
        () => {
          if (!world.mayLoseDisk(third.id)) return
          loseDisk(world, third.id, random, true)
          world.network.cut(third.id, first.id, 0)
        },
      )
    })
    return true
  },
  /** More than may be. Somebody has the latest that was ever stored, and cannot know whether it is. */
  tooManyLost: (world, random) => {
    const latest = latestEntry([...world.platters.values()].map(({ record }) => record?.entry))
    const keeper = world.ids.find((id) => compareEntries(world.platters.get(id)?.record?.entry, latest) === 0)
    if (latest === undefined || keeper === undefined) return false
    for (const id of world.ids) if (id !== keeper) loseDisk(world, id, random.fork(id))
    return true
  },
  fullDisk: (world, random) => {
    const disk = world.platters.get(pick(random, world.ids))?.disk
    if (disk === undefined) return false
    disk.full = true
    world.bench.agenda.after(someTime(world, random), () => {
      disk.full = false
    })
    return true
  },
  pause: (world, random) => {
    const voter = preferably(world, random)
    voter?.standStill(someTime(world, random), false)
    return voter !== undefined
  },
  /** Somebody is elected, whatever the leader so far believes. */
  coup: (world, random) => {
    const voter = oneOf(world.voters.values(), random)
    return voter !== undefined && world.oracle.electAnother(voter)
  },
  again: (world, random) => {
    const voter = oneOf(world.oracle.leaders, random)
    return voter !== undefined && world.oracle.again(voter, random.next() < 0.5)
  },
  retire: (world, random) => {
    const voter = oneOf(world.oracle.leaders, random)
    return voter !== undefined && world.oracle.retire(voter)
  },
  replay: (world, random) => {
    const { remembered } = world.network
    if (remembered.length === 0) return false
    for (let n = 0; n < 8; n++) {
      const sent = pick(random, remembered)
      const afterMs = exponential(random, someTime(world, random))
      world.bench.agenda.after(afterMs, () => world.bench.faulty && world.forge(sent))
    }
    return true
  },
  malformed: (world, random) => {
    const message = hostileMessage(world, random)
    if (message === undefined) return false
    world.judge.isNonsense(message)
    world.forge({ from: pick(random, world.ids), to: pick(random, world.ids), message })
    return true
  },
  /** Votes that are not written down are given twice in a term. */
  sameTerm: (world, random) => {
    const voter = oneOf(world.voters.values(), random)
    return voter !== undefined && world.oracle.electTwice(voter)
  },
}

const RARE: Partial<Record<ReplicationFault, number>> = {
  malformed: 0.3,
  lostDisk: 1,
  tooManyLost: 20,
  coup: 1,
  crash: 1,
}

export const arrangeReplicationFaults = (world: ReplicationWorld): void =>
  arrangeRecurring<ReplicationFault, ReplicationWorld>(world, {
    deedOf: (fault) => DEEDS[fault],
    gapMs: (fault, random) => exponential(random, world.bench.conditions.faultEveryMs * (RARE[fault] ?? 2)),
  })
