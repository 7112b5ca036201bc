import { exponential, type FaultName, type Profile, pick } from './conditions.ts'
import { DEEDS, type Deed, endCoordinator } from './deeds.ts'
import { pending } from './liveness.ts'
import { arrangeRecurring, performDeed } from './recurring.ts'
import { giveOrder, stopForAWhile, weigh } from './wishes.ts'
import type { World } from './world.ts'

const OFTEN_RESTARTED: ReadonlySet<Profile> = new Set<Profile>(['restarts', 'beyond', 'once'])

const RARITY: Partial<Record<FaultName, number>> = { joinStorm: 4, replay: 0.2, statics: 2 }

/** What is no fault at all, and must be borne beside every fault. */
const WISHES: Partial<Record<FaultName, Deed>> = { weights: weigh, statics: stopForAWhile, orders: giveOrder }

/** As long as the world is not healed: what is switched on, or failovers alone. */
export const arrangeFaults = (world: World): void => {
  const { faultEveryMs, profile } = world.bench.conditions
  if (profile === 'failover') return arrangeFailovers(world)
  arrangeRecurring<FaultName, World>(world, {
    deedOf: (fault) => DEEDS[fault] ?? WISHES[fault],
    gapMs: (fault, random) => {
      // Churn never rests: with chance alone there would be a quiet moment soon.
      if (profile === 'churn') return faultEveryMs * (0.5 + random.next())
      const rare = RARITY[fault] ?? (fault === 'restart' && !OFTEN_RESTARTED.has(profile) ? 4 : 1)
      return exponential(random, faultEveryMs * rare * 2)
    },
  })
}

/**
 * The coordinator crashes while every group is whole, and is back within the time that the presets are checked for: from then on nothing
 * may move, and nobody may lose anything.
 */
const arrangeFailovers = (world: World): void => {
  const { bench } = world
  arrangeOrders(world)
  const random = bench.random.fork('failovers')
  const { leaseMs } = bench.conditions.timing
  let number = 0
  const again = (): void => {
    bench.agenda.after(leaseMs * (1.5 + random.next()), () => {
      if (!bench.faulty) return
      again()
      const name = `failover.${number++}`
      // Not before everybody has come: a newcomer is a reason to move something.
      const { groups, membersPerGroup } = bench.conditions
      if (world.members.length < groups.length * membersPerGroup || pending(world).length > 0) return
      world.watchers.mustStay = true
      performDeed<FaultName, World>(world, 'restart', name, failOver, random)
    })
  }
  again()
}

/** Given before the first failover, and to be found in force after each: later ones would be a reason to move something. */
const arrangeOrders = (world: World): void => {
  const { bench } = world
  const random = bench.random.fork('fault orders')
  for (let number = 0; bench.has('orders') && number < 3; number++) {
    bench.agenda.after(bench.conditions.timing.leaseMs * 1.4 * random.next(), () => {
      if (!world.watchers.mustStay)
        performDeed<FaultName, World>(world, 'orders', `orders.${number}`, giveOrder, random)
    })
  }
}

const failOver: Deed = (world, random) => {
  const { bench, room } = world
  const { leaseMs, settleMs } = bench.conditions.timing
  endCoordinator(world, random)
  if (bench.has('otherSettle')) {
    bench.count('otherSettle')
    room.settings = { ...room.settings, settleMs: settleMs * pick(random, [0.3, 1, 4]) }
  }
  bench.agenda.after(leaseMs * 0.4 * random.next(), () => room.start())
  return true
}
