/** One who is to have partitions: how much it weighs, what nobody may take from it, and what it has. */
export interface Load {
  readonly id: string
  readonly weight: number
  /** Pinned to it; and when the group is frozen, what it had before. */
  readonly locked: number
  readonly has: number
}

/**
 * A2: says who has more or less than its part, or `undefined`. A part is that of the weight, rounded down or up. Whoever cannot lose more
 * than that has just what it cannot lose, and the others share the rest.
 */
export const unfair = (partitions: number, loads: readonly Load[]): string | undefined => {
  const idle = loads.filter(({ weight }) => weight === 0)
  for (const { id, locked, has } of idle)
    if (has !== locked) return `${id} weighs nothing and has ${has}, not ${locked}`
  let sharing = loads.filter(({ weight }) => weight > 0)
  let left = partitions - sum(idle, ({ locked }) => locked)
  for (;;) {
    const weights = sum(sharing, ({ weight }) => weight)
    const fair = ({ weight }: Load) => (left * weight) / weights
    const full = sharing.filter((load) => load.locked > Math.ceil(fair(load)))
    if (full.length === 0) return unequal(left, sharing, fair)
    for (const { id, locked, has } of full) if (has !== locked) return `${id} has ${has}, and ${locked} locked to it`
    left -= sum(full, ({ locked }) => locked)
    sharing = sharing.filter((load) => !full.includes(load))
  }
}

const unequal = (left: number, sharing: readonly Load[], fair: (load: Load) => number): string | undefined => {
  // Where more must be rounded up than there is room for, those have what is locked to them, and the others are a little below.
  const places = left - sum(sharing, (load) => Math.floor(fair(load)))
  const rounded = sharing.filter((load) => load.locked > Math.floor(fair(load)))
  const others = rounded.length > places ? sharing.filter((load) => !rounded.includes(load)) : sharing
  if (others.length < sharing.length) {
    for (const { id, locked, has } of rounded) if (has !== locked) return `${id} has ${has}, and ${locked} locked to it`
    return unfair(left - sum(rounded, ({ locked }) => locked), others)
  }
  for (const load of sharing) {
    const part = fair(load)
    if (load.has < Math.floor(part) || load.has > Math.ceil(part)) {
      return `${load.id} of weight ${load.weight} has ${load.has}, and its part is ${part}`
    }
  }
  return undefined
}

const sum = <T>(all: readonly T[], of: (one: T) => number): number => all.reduce((total, one) => total + of(one), 0)
