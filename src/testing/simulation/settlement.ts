import { minimumMoves } from '../../core/assignment/plan.ts'
import { assignSticky } from '../../core/assignment/sticky.ts'
import type { GroupView } from '../../core/group/view.ts'
import type { Random } from '../../core/random.ts'
import { must } from './violation.ts'

/** What must hold of a view at the moment when the coordinator calls it settled. `lacking`: somebody may have let go of something. */
export const checkSettled = (view: GroupView, previous: readonly string[], lacking: boolean): void => {
  const { members, share } = view
  if (share === 'index') {
    const indexes = members.map(({ index }) => index)
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
  if (members.length === 0) return
  const owners = ownersOf(view)
  const counts = new Map(members.map(({ id, partitions = [] }) => [id, partitions.length]))
  const owned = [...counts.values()].reduce((sum, count) => sum + count, 0)
  must(owned <= owners.length, 'A1', () => `a partition of ${view.name} has two owners`)
  must(
    lacking || !owners.includes(undefined),
    'G8',
    () => `settled view of ${view.name} leaves a partition without an owner`,
  )
  const loads = [...counts.values()]
  must(
    lacking || Math.max(...loads) - Math.min(...loads) <= 1,
    'A2',
    () => `loads of ${view.name} are ${loads.join(', ')}`,
  )
}

/** Who has an index, in the order of the indexes. */
export const orderOf = ({ members }: GroupView): string[] =>
  members.filter(({ index }) => index !== undefined).map(({ id, incarnation }) => `${id}/${incarnation}`)

export const ownersOf = (view: GroupView): (string | undefined)[] => {
  const owners = new Array<string | undefined>(view.share === 'index' ? 0 : view.share.partitions).fill(undefined)
  for (const { id, partitions = [] } of view.members) for (const item of partitions) owners[item] = id
  return owners
}

/** Plans a drawn change of a group and judges the plan: A1 to A4, by counts alone and not by how it was made. */
export const checkPlans = (view: GroupView, random: Random): void => {
  if (view.share === 'index') return
  const owners = ownersOf(view)
  const ids = view.members.map(({ id }) => id).filter(() => random.next() < 0.8)
  for (let joins = random.below(3); joins > 0; joins--) ids.push(`z${joins}`)
  if (ids.length === 0) return
  const next = assignSticky(owners.length, ids, owners)
  const loads = ids.map((id) => next.filter((owner) => owner === id).length)
  must(next.length === owners.length && next.every((id) => id !== undefined && ids.includes(id)), 'A1', () => {
    return `the plan for ${ids} leaves a partition without an owner: ${next}`
  })
  must(Math.max(...loads) - Math.min(...loads) <= 1, 'A2', () => `the plan for ${ids} has the loads ${loads}`)
  const shuffled = [...ids].sort(() => random.next() - 0.5)
  must(
    assignSticky(owners.length, shuffled, owners).join() === next.join(),
    'A3',
    () => `the plan for ${ids} is another one for ${shuffled}`,
  )
  const moves = owners.filter((owner, item) => owner !== undefined && owner !== next[item]).length
  const minimum = minimumMoves(owners, ids)
  must(moves === minimum, 'A4', () => `the plan for ${ids} moves ${moves} partitions where ${minimum} would do`)
}
