import { hash, partitionOf } from '../../core/hash.ts'

/** The group that shares partitions, and how many. */
export const PARTS = { group: 'parts', partitions: 48 } as const
/** The group that shares an index. */
export const SLOTS = { group: 'slots' } as const
/** The group of programs under `caucus work`. */
export const JOBS = { group: 'jobs', partitions: 6 } as const

/** The named election, and what its leader claims. */
export const TENURE = 'chief'

/** A common multiple of every total from 1 to 6. */
const RESIDUES = 60

/**
 * One key for each residue of the hash modulo 60. Whatever two places of two views (of up to six members each) have a key in common at
 * all, one of these is it: so whoever believes in a place claims the keys, and two views that are believed at once show.
 */
export const PROBES: readonly string[] = (() => {
  const keys = new Map<number, string>()
  for (let n = 0; keys.size < RESIDUES; n++) {
    const residue = hash(`key-${n}`) % RESIDUES
    if (!keys.has(residue)) keys.set(residue, `key-${n}`)
  }
  return [...keys.values()]
})()

/** A key of each partition, so that what is owned can be asked in the way that users ask it. */
export const PARTITION_KEYS: readonly string[] = (() => {
  const keys = new Map<number, string>()
  for (let n = 0; keys.size < PARTS.partitions; n++) {
    const partition = partitionOf(`key-${n}`, PARTS.partitions)
    if (!keys.has(partition)) keys.set(partition, `key-${n}`)
  }
  return Array.from({ length: PARTS.partitions }, (_, partition) => keys.get(partition) as string)
})()

/** What a claim is about: `parts/12`, `slots/key-7`, `jobs/3`. */
export const thing = (group: string, item: string | number): string => `${group}/${item}`

/** Everything of a group that somebody has to own. */
export const thingsOf = (group: string): string[] => {
  if (group === PARTS.group) return PARTITION_KEYS.map((_, partition) => thing(group, partition))
  if (group === TENURE) return [TENURE]
  if (group === JOBS.group) return Array.from({ length: JOBS.partitions }, (_, partition) => thing(group, partition))
  return PROBES.map((key) => thing(group, key))
}

/** Processes of one member that follow each other under its lease (programs under `caucus work`) are called `MEMBER/PID`. */
export const memberOf = (who: string): string => who.split('/', 1)[0] as string

export const clockNs = (): number => Number(process.hrtime.bigint())
