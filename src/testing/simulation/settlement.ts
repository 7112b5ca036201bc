import { minimumMoves } from '../../core/assignment/plan.ts'
import { assignSticky, type Owners, type Weighted } from '../../core/assignment/sticky.ts'
import { TENURE } from '../../core/group/messages.ts'
import type { GroupView, MemberView } from '../../core/group/view.ts'
import type { Random } from '../../core/random.ts'
import { type Load, unfair } from './balance.ts'
import { pick } from './conditions.ts'
import { checkTenureSettled } from './tenures.ts'
import { WEIGHTS } from './traits.ts'
import { must } from './violation.ts'

/** What must hold of a view at the moment when the coordinator calls it settled. `lacking`: somebody may have let go of something. */
export const checkSettled = (view: GroupView, previous: readonly string[], lacking: boolean): void => {
  const { members, kept = [], share } = view
  if (share === 'index') {
    // Whoever is drained has none; whoever has stopped for a while, or is about to, has the one that is kept.
    const gone = new Set(kept.map(({ id }) => id))
    const places = [...members.filter(({ id, drained }) => drained !== true && !gone.has(id)), ...kept]
    const indexes = places.map(({ index }) => index).sort((a = 0, b = 0) => a - b)
    must(
      lacking || indexes.every((index, place) => index === place + 1),
      indexes.includes(undefined) ? 'G8' : 'G1',
      () => `settled view of ${view.name} has the indexes ${indexes.join(', ')}`,
    )
    const order = orderOf(view)
    const stayed = previous.filter((id) => order.includes(id))
    const now = order.filter((id) => stayed.includes(id))
    must(
      stayed.join() === now.join(),
      'G1',
      () => `survivors of ${view.name} changed their order from ${stayed} to ${now}`,
    )
    return
  }
  if (share === 'tenure') return checkTenureSettled(view, lacking)
  const owners = ownersOf(view)
  const sharers = sharersOf(view)
  // One that is on its way out may still have what is kept for it.
  const claims = new Set(
    [...members, ...kept].flatMap(({ id, partitions = [] }) => partitions.map((item) => `${item} ${id}`)),
  )
  must(claims.size <= owners.length, 'A1', () => `a partition of ${view.name} has two owners`)
  if (sharers.every(({ weight }) => weight === 0)) return
  must(
    lacking || !owners.includes(undefined),
    'G8',
    () => `settled view of ${view.name} leaves a partition without an owner`,
  )
  // What was given while it was frozen, and before, may be anything.
  if (lacking || view.frozen === true) return
  const fault = unfair(owners.length, loadsOf(sharers, owners, pinsOf(view)))
  must(fault === undefined, 'A2', () => `in ${view.name} ${fault}: ${JSON.stringify(sharers)} with ${owners}`)
}

/** S1: what is kept for somebody is nobody else's. With clocks that run too wrongly somebody may claim it all the same. */
export const checkKept = ({ name, members, kept = [] }: GroupView): void => {
  for (const place of kept) {
    for (const { id, index, partitions } of members) {
      if (id === place.id) continue
      const taken = itemsOf(index, partitions).filter((item) => itemsOf(place.index, place.partitions).includes(item))
      must(taken.length === 0, 'S1', () => `${id} has ${taken} of ${name}, which is kept for ${place.id}`)
    }
  }
}

export const itemsOf = (
  index: number | undefined,
  partitions: readonly number[] | undefined,
  leads: boolean | undefined = false,
): readonly number[] => partitions ?? (index === undefined ? (leads ? [TENURE] : []) : [index])

/** Those who are to have partitions, and how much they weigh. */
const sharersOf = ({ members, kept = [] }: GroupView): Weighted[] => {
  const weights = new Map<string, number>()
  for (const { id, weight = 1, drained } of members) if (drained !== true) weights.set(id, weight)
  // One that is on its way out may be there beside its own place.
  for (const { id, weight = 1 } of kept) weights.set(id, weight)
  return [...weights].map(([id, weight]) => ({ id, weight }))
}

const pinsOf = ({ pins = [] }: GroupView): Map<number, string> =>
  new Map(pins.map(({ partition, member }) => [partition, member]))

/** What each has, and what of it is locked to it by `locks`. */
const loadsOf = (sharers: readonly Weighted[], owners: Owners, locks: ReadonlyMap<number, string>): Load[] =>
  sharers.map(({ id, weight }) => ({
    id,
    weight,
    locked: [...locks].filter(([partition, member]) => member === id && partition < owners.length).length,
    has: owners.filter((owner) => owner === id).length,
  }))

/** Who has an index, in the order of the indexes. */
export const orderOf = ({ members }: GroupView): string[] =>
  members.filter(({ index }) => index !== undefined).map(keyed)

export const keyed = ({ id, incarnation }: MemberView): string => `${id}/${incarnation}`

export const ownersOf = (view: GroupView): (string | undefined)[] => {
  const owners = new Array<string | undefined>(typeof view.share === 'string' ? 0 : view.share.partitions).fill(
    undefined,
  )
  for (const { id, partitions = [] } of [...view.members, ...(view.kept ?? [])]) {
    for (const item of partitions) owners[item] = id
  }
  return owners
}

/** Plans a drawn change of a group and judges the plan: A1 to A4, by counts alone and not by how it was made. */
export const checkPlans = (view: GroupView, random: Random): void => {
  if (typeof view.share === 'string') return
  const owners = ownersOf(view)
  const sharers = sharersOf(view).filter(() => random.next() < 0.8)
  for (let joins = random.below(3); joins > 0; joins--) sharers.push({ id: `z${joins}`, weight: 1 })
  const [first] = sharers
  if (first === undefined) return
  const drawn = random.fork(`rules for ${owners} ${sharers.length}`)
  const isPlain = sharers.every(({ weight }) => weight === 1) && (view.pins ?? []).length === 0 && view.frozen !== true
  if (isPlain || drawn.next() < 0.5) checkPlan(owners, sharers, {}, random)
  const weighed = sharers.map(({ id }) => ({ id, weight: pick(drawn, WEIGHTS) }))
  const pins = pinsOf(view)
  for (let more = drawn.below(4); more > 0; more--) {
    pins.set(drawn.below(owners.length), pick(drawn, [...sharers, { id: 'nobody' }]).id)
  }
  checkPlan(owners, weighed, { pins, frozen: drawn.next() < 0.2 }, drawn)
}

const checkPlan = (
  owners: Owners,
  sharers: readonly Weighted[],
  rules: { readonly pins?: ReadonlyMap<number, string>; readonly frozen?: boolean },
  random: Random,
): void => {
  const next = assignSticky(owners.length, sharers, owners, rules)
  const what = () =>
    `${JSON.stringify(sharers)}, ${owners}, pins ${[...(rules.pins ?? [])]}, ${rules.frozen ? 'frozen' : 'not frozen'}`
  const ids = sharers.map(({ id }) => id)
  const nobody = sharers.every(({ weight }) => weight === 0)
  must(
    next.length === owners.length && next.every((id) => (id === undefined ? nobody : ids.includes(id))),
    'A1',
    () => `the plan for ${what()} leaves a partition without an owner: ${next}`,
  )
  const locks = new Map<number, string>()
  // There may have been more partitions when they were pinned.
  for (const [partition, id] of rules.pins ?? []) {
    if (ids.includes(id) && partition < owners.length) locks.set(partition, id)
  }
  for (const [partition, owner] of owners.entries()) {
    if (rules.frozen === true && owner !== undefined && ids.includes(owner)) locks.set(partition, owner)
  }
  for (const [partition, id] of locks) {
    must(next[partition] === id, rules.frozen === true ? 'F1' : 'F2', () => {
      return `the plan for ${what()} gives ${partition} to ${next[partition]}`
    })
  }
  const fault = unfair(owners.length, loadsOf(sharers, next, locks))
  must(fault === undefined, 'A2', () => `the plan for ${what()} is ${next}: ${fault}`)
  const shuffled = [...sharers].sort(() => random.next() - 0.5)
  must(
    assignSticky(owners.length, shuffled, owners, rules).join() === next.join(),
    'A3',
    () => `the plan for ${what()} is another one for ${JSON.stringify(shuffled)}`,
  )
  const moves = owners.filter((owner, item) => owner !== undefined && owner !== next[item]).length
  const minimum = minimumMoves(owners, sharers, rules)
  must(moves === minimum, 'A4', () => `the plan for ${what()} moves ${moves} partitions where ${minimum} would do`)
}
