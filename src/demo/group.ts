import { setTimeout as sleep } from 'node:timers/promises'
import { CaucusError } from '../errors.ts'
import { PARTITIONS } from './results.ts'
import type { OwnersView } from './views.ts'

/** The group that the workers join. */
export const GROUP = 'demo'

const LOOK_EVERY_MS = 25
/** Far beyond any lease, drain or settle time of the demo: something is wrong then, and waiting longer does not mend it. */
const PATIENCE_MS = 60_000

/** Longer than the drain limit of the demo's groups: then it goes with what it has, as a process that is told to stop. */
const DRAIN_LIMIT_MS = 5_000

/** As whoever coordinates describes the group. */
export interface Picture {
  readonly state: string
  readonly members: readonly { readonly id: string; readonly partitions?: readonly number[] }[]
}

/**
 * Resolves with who owns what once exactly the expected members are there and own everything. `expected` is asked again at each
 * look, since somebody may end meanwhile.
 */
export const untilWhole = async (
  look: () => Promise<Picture | undefined>,
  expected: () => readonly string[],
  signal: AbortSignal,
  { patiently = false }: { readonly patiently?: boolean } = {},
): Promise<OwnersView> => {
  const startedAt = performance.now()
  for (;;) {
    const view = viewOf(await look(), expected())
    if (view !== undefined) return view
    if (!patiently && performance.now() - startedAt > PATIENCE_MS) {
      throw new CaucusError('CAUCUS_TIMEOUT', `the group was not whole again within ${PATIENCE_MS / 1000} s`)
    }
    await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}

/** Resolves once that member has nothing any more, is no member, or is not there; or when it takes too long to wait for. */
export const untilDrained = async (
  look: () => Promise<Picture | undefined>,
  isThere: () => boolean,
  id: string,
  signal: AbortSignal,
): Promise<void> => {
  const startedAt = performance.now()
  while (isThere() && performance.now() - startedAt < DRAIN_LIMIT_MS) {
    const member = (await look())?.members.find((each) => each.id === id)
    if (member?.partitions === undefined || member.partitions.length === 0) return
    await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}

/** Who owns what, if the group is whole: settled, the expected members, every partition owned once. */
export const viewOf = (picture: Picture | undefined, expected: readonly string[]): OwnersView | undefined => {
  const owners = new Array<string | null>(PARTITIONS).fill(null)
  const members = picture?.members.map(({ id }) => id).sort() ?? []
  if (members.join() !== [...expected].sort().join()) return undefined
  // With nobody in it there is nothing to settle.
  if (members.length === 0) return { members, owners }
  if (picture?.state !== 'settled') return undefined
  for (const { id, partitions = [] } of picture.members) {
    for (const partition of partitions) {
      if (owners[partition] !== null) return undefined
      owners[partition] = id
    }
  }
  return owners.includes(null) ? undefined : { members, owners }
}
