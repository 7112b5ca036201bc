import type { MembershipView } from '../../core/group/member.ts'
import type { Holding } from '../../core/group/messages.ts'

/** `0-15,33`: what `CAUCUS_PARTITIONS` says. */
export const formatRanges = (numbers: readonly number[]): string => {
  const ranges: [number, number][] = []
  for (const each of [...numbers].sort((a, b) => a - b)) {
    const last = ranges.at(-1)
    if (last !== undefined && each <= last[1] + 1) last[1] = each
    else ranges.push([each, each])
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',')
}

/**
 * What a program is told about its share. Its key goes to whoever has `hash(key) mod CAUCUS_TOTAL`: the number of members in a group
 * of indexes, of partitions in a group of those. `CAUCUS_EPOCH` is the highest epoch of what it has, and no lower than `atLeast`, so the
 * program that gets any of it next has a higher one, and storage that refuses lower ones is safe.
 */
export const environmentOf = (
  held: readonly Holding[],
  share: MembershipView['share'],
  atLeast = 0,
): Readonly<Record<string, string | null>> => {
  const highest = String(Math.max(atLeast, ...held.map(({ epoch }) => epoch)))
  const [place] = held
  if (share === undefined || typeof share === 'string') {
    return {
      CAUCUS_INDEX: place === undefined ? null : String(place.item),
      CAUCUS_TOTAL: place?.of === undefined ? null : String(place.of),
      CAUCUS_EPOCH: highest,
      CAUCUS_PARTITIONS: null,
    }
  }
  return {
    CAUCUS_INDEX: null,
    CAUCUS_TOTAL: String(share.partitions),
    CAUCUS_EPOCH: highest,
    CAUCUS_PARTITIONS: formatRanges(held.map(({ item }) => item)),
  }
}

export const sameHoldings = (a: readonly Holding[], b: readonly Holding[]): boolean =>
  a.length === b.length && a.every(({ item, epoch }) => b.some((other) => other.item === item && other.epoch === epoch))
