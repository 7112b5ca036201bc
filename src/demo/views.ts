import { minimumMoves } from '../core/assignment/plan.ts'

/** Who owned what when the group was whole; `null` where nobody did. */
export interface OwnersView {
  readonly members: readonly string[]
  readonly owners: readonly (string | null)[]
}

export interface Moves {
  readonly moved: number
  readonly minimumMoves: number
}

/** How many partitions lost their owner from one view to the next, and how few would have done. */
export const movesBetween = (before: OwnersView, after: OwnersView): Moves => ({
  moved: before.owners.filter((owner, partition) => owner !== null && owner !== after.owners[partition]).length,
  minimumMoves: minimumMoves(
    before.owners.map((owner) => owner ?? undefined),
    after.members,
  ),
})

/** The same over a whole run. */
export const totalMoves = (views: readonly OwnersView[]): Moves => {
  let moved = 0
  let minimum = 0
  for (const [index, after] of views.entries()) {
    const before = views[index - 1]
    if (before === undefined) continue
    const step = movesBetween(before, after)
    moved += step.moved
    minimum += step.minimumMoves
  }
  return { moved, minimumMoves: minimum }
}

/** A line of the log of views, or `undefined` when it is none. */
export const parseView = (line: string): OwnersView | undefined => {
  let value: Partial<Record<keyof OwnersView, unknown>> | null
  try {
    value = JSON.parse(line)
  } catch {
    return undefined // The caller refuses a log with such a line.
  }
  const { members, owners } = value ?? {}
  return isNames(members) && Array.isArray(owners) && isNames(owners.filter((owner) => owner !== null))
    ? { members, owners }
    : undefined
}

const isNames = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((name) => typeof name === 'string')

/** How many partitions each member has. */
export const sharesOf = ({ members, owners }: OwnersView): Record<string, number> => {
  const shares: Record<string, number> = Object.fromEntries(members.map((id) => [id, 0]))
  for (const owner of owners) if (owner !== null) shares[owner] = (shares[owner] ?? 0) + 1
  return shares
}
