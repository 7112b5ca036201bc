import type { Random } from '../../core/random.ts'
import { exponential, type FaultName, type Profile, pick } from './conditions.ts'
import { DEEDS, type Deed, endCoordinator } from './deeds.ts'
import { pending } from './liveness.ts'
import { giveOrder, stopForAWhile, weigh } from './wishes.ts'
import type { World } from './world.ts'

const OFTEN_RESTARTED: ReadonlySet<Profile> = new Set<Profile>(['restarts', 'beyond', 'once'])

const RARITY: Partial<Record<FaultName, number>> = { joinStorm: 4, replay: 0.2, statics: 2 }

/** What is no fault at all, and must be borne beside every fault. */
const WISHES: Partial<Record<FaultName, Deed>> = { weights: weigh, statics: stopForAWhile, orders: giveOrder }

/**
 * Makes each fault that is switched on happen again and again, until the world is healed. Each time is a deed with a name of its own
 * (`crash.3`) and with chances of its own, so that leaving one out leaves the others as they were.
 */
export const arrangeFaults = (world: World): void => {
  const { bench } = world
  const { faultEveryMs, profile } = bench.conditions
  if (profile === 'failover') return arrangeFailovers(world)
  for (const name of bench.conditions.faults) {
    const deed = DEEDS[name] ?? WISHES[name]
    if (deed === undefined) continue
    const random = bench.random.fork(`fault ${name}`)
    let number = 0
    const again = (): void => {
      const rare = RARITY[name] ?? (name === 'restart' && !OFTEN_RESTARTED.has(profile) ? 4 : 1)
      // Churn never rests: with chance alone there would be a quiet moment soon.
      const gapMs =
        profile === 'churn' ? faultEveryMs * (0.5 + random.next()) : exponential(random, faultEveryMs * rare * 2)
      bench.agenda.after(gapMs, () => {
        if (!bench.faulty) return
        again()
        perform(world, name, `${name}.${number++}`, deed, random)
      })
    }
    again()
  }
}

const perform = (world: World, fault: FaultName, name: string, deed: Deed, random: Random): void => {
  const { bench } = world
  if (bench.conditions.deeds?.has(name) === false) return
  bench.note('fault', fault)
  bench.tell({ who: 'world', kind: 'fault', what: name })
  if (!deed(world, random.fork(name))) return
  bench.count(fault)
  bench.deeds.push(name)
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
      perform(world, 'restart', name, failOver, random)
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
      if (!world.watchers.mustStay) perform(world, 'orders', `orders.${number}`, giveOrder, random)
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
