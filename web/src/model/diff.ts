import type { Cell } from './picture.ts'

/** Which cells do not look as they were last drawn; those that are new or gone among them. */
export const changedCells = (drawn: readonly Cell[], cells: readonly Cell[]): number[] => {
  const changed: number[] = []
  const length = Math.max(drawn.length, cells.length)
  for (let at = 0; at < length; at++) {
    const before = drawn[at]
    const after = cells[at]
    if (before === after) continue
    if (before?.owner !== after?.owner || before?.phase !== after?.phase) changed.push(at)
  }
  return changed
}

export interface Holding {
  readonly held: readonly number[]
  readonly revoked: readonly number[]
}

const NOTHING: Holding = { held: [], revoked: [] }

/** What each member has, by its id. */
export const holdingsOf = (cells: readonly Cell[]): ((id: string) => Holding) => {
  const found = new Map<string, { held: number[]; revoked: number[] }>()
  for (const [at, { owner, phase }] of cells.entries()) {
    if (owner === undefined || (phase !== 'held' && phase !== 'revoked')) continue
    const own = found.get(owner) ?? { held: [], revoked: [] }
    found.set(owner, own)
    own[phase].push(at)
  }
  return (id) => found.get(id) ?? NOTHING
}
