import { itemsIn } from '../../core/group/messages.ts'
import type { Order } from '../../core/group/orders.ts'
import type { GroupView } from '../../core/group/view.ts'
import type { Random } from '../../core/random.ts'
import { pick } from './conditions.ts'
import { anyGroup, anyMember, type Deed, groupOf, restart } from './deeds.ts'
import type { MemberProcess } from './member-process.ts'
import { POLL_GROUP } from './server-room.ts'
import { isRough, WEIGHTS } from './traits.ts'
import type { World } from './world.ts'

/** From now on it wants another part. */
export const weigh: Deed = (world, random) => {
  const { profile } = world.bench.conditions
  const member = anyMember(world, random)
  const { share } = member?.machine.view() ?? {}
  // Numbered places weigh the same, and whoever says otherwise is refused for good.
  const wrong = share === undefined || typeof share === 'string'
  if (member === undefined || (wrong && (!isRough(profile) || random.next() < 0.9))) return false
  member.post({ type: 'weight', weight: pick(random, WEIGHTS) })
  return true
}

/** Somebody whose place is kept stops, and is back before the grace is over, or after it. */
export const stopForAWhile: Deed = (world, random) => {
  const { bench } = world
  const { profile } = bench.conditions
  const member = anyMember(world, random, ({ isStatic }) => isStatic)
  if (member === undefined) return false
  if (isRough(profile) && random.next() < 0.5) world.crash(member)
  else member.post({ type: 'leave' })
  const { staticGraceMs, leaseMs } = world.room.settings
  const awayMs = (pick(random, [0, 0.3, 0.6, 0.9, 1.1, 1.5]) * staticGraceMs + 0.3 * leaseMs) * random.next()
  comeBack(world, member, awayMs, random, 8)
  if (bench.has('restart') && random.next() < 0.2) {
    bench.agenda.after(awayMs * random.next(), () => bench.faulty && restart(world, random))
  }
  return true
}

const comeBack = (world: World, member: MemberProcess, afterMs: number, random: Random, tries: number): void => {
  const { bench } = world
  bench.agenda.after(afterMs, () => {
    if (!bench.faulty || tries === 0) return
    const there = world.members.some(({ id }) => id === member.id)
    // Its namesake may still be finishing something.
    if (!there || (isRough(bench.conditions.profile) && random.next() < 0.3)) {
      world.join(member.id, groupOf(world, member.group))
    } else comeBack(world, member, bench.conditions.timing.heartbeatMs, random, tries - 1)
  })
}

/** An operator wants something of a group, whatever is the matter with it. */
export const giveOrder: Deed = (world, random) => {
  const { conditions } = world.bench
  const draw = random.next()
  const group = draw < 0.03 ? 'nobodys' : draw < 0.08 && conditions.poll ? POLL_GROUP : anyGroup(world, random).name
  return world.order(group, drawOrder(world.room.current?.machine.viewOf(group), group, random))
}

const KINDS = ['freeze', 'thaw', 'thaw', 'pin', 'pin', 'pin', 'unpin', 'unpin', 'drain', 'undrain', 'undrain'] as const
/** Those of a group of indexes: the others are refused, which is worth seeing now and then. */
const FEW = ['drain', 'undrain'] as const

const drawOrder = (view: GroupView | undefined, group: string, random: Random): Order => {
  const type = typeof view?.share === 'string' && random.next() < 0.8 ? pick(random, FEW) : pick(random, KINDS)
  switch (type) {
    case 'freeze':
    case 'thaw':
      return { type }
    case 'pin':
      return { type, partition: drawPartition(view, random), member: drawId(view, group, random) }
    case 'unpin': {
      const pinned = view?.pins ?? []
      const some = pinned[random.below(pinned.length)]?.partition
      return { type, partition: some === undefined || random.next() < 0.1 ? drawPartition(view, random) : some }
    }
    case 'drain':
    case 'undrain': {
      const drained = view?.members.filter((member) => member.drained === true) ?? []
      const some = type === 'undrain' ? drained[random.below(drained.length)]?.id : undefined
      return { type, member: some === undefined || random.next() < 0.1 ? drawId(view, group, random) : some }
    }
  }
}

const drawPartition = (view: GroupView | undefined, random: Random): number => {
  const count = view === undefined || view.share === 'index' ? 4 : itemsIn(view.share)
  return random.next() < 0.05 ? pick(random, [count, count + 7, -1, 0.5, 2 ** 40]) : random.below(count)
}

/** Mostly of somebody who is there; otherwise of somebody who may come, or never will. */
const drawId = (view: GroupView | undefined, group: string, random: Random): string => {
  const there = view?.members ?? []
  const one = there[random.below(there.length)]?.id
  return one === undefined || random.next() < 0.15 ? `${group}-m${random.below(12)}` : one
}
