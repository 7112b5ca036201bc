import type { Because } from '../reasons.ts'
import { quoted } from './quoted.ts'

/** `12 s ago (06:08:57 UTC)`. Both, since one is for now and the other for a log. */
export const agoOf = (atMs: number, nowMs: number): string => `${lengthOf(nowMs - atMs)} ago (${clockOf(atMs)} UTC)`

/** The same of what is to come: `in 12 s (06:08:57 UTC)`. */
export const inOf = (atMs: number, nowMs: number): string => `in ${lengthOf(atMs - nowMs)} (${clockOf(atMs)} UTC)`

/** How it stands with a group, for people: where nobody is, nothing moves and nothing is waited for. */
export const conditionOf = (state: string, members: number): string =>
  state === 'settling' && members === 0 ? 'empty' : state

const lengthOf = (ms: number): string => {
  const seconds = Math.floor(ms / 1_000)
  if (seconds < 1) return 'less than a second'
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`
  return `${Math.floor(seconds / 86_400)} days`
}

const clockOf = (atMs: number): string => {
  const seconds = Math.floor(atMs / 1_000)
  return [Math.floor(seconds / 3_600) % 24, Math.floor(seconds / 60) % 60, seconds % 60]
    .map((part) => String(part).padStart(2, '0'))
    .join(':')
}

/** What made a group settle, as a clause: `b joined`. */
export const changeOf = (because: Because, member: string | undefined): string => {
  const who = member === undefined ? 'a member' : quoted(member)
  switch (because) {
    case 'joined':
      return `${who} joined`
    case 'adopted':
      return `${who} came back after the coordinator had changed`
    case 'left':
      return `${who} left`
    case 'expired':
      return `${who} was not heard for the grant time`
    case 'fenced':
      return `a newer process took the id ${who}`
    case 'evicted':
      return `an operator removed ${who}`
    case 'weighed':
      return `the weight of ${who} changed`
    case 'returned':
      return `${who} came back to the place that was kept for it`
    case 'graced':
      return `${who} did not come back within the grace`
    case 'drained':
      return `an operator ordered ${who} to be drained`
    case 'undrained':
      return `an operator gave ${who} work again`
    case 'thawed':
      return 'an operator thawed the group'
    case 'pinned':
      return member === undefined ? 'an operator pinned a partition' : `an operator pinned a partition to ${who}`
    case 'unpinned':
      return 'an operator took a pin away'
    default:
      return `something changed (${because})`
  }
}

/** `1 member`, `2 members`. */
export const countOf = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`

/** So many ranges of numbers are named where there may be thousands. */
const MOST_RANGES = 20

/** `0-15, 33`; of many only the first: `0, 2, 4 and 97 more`. */
export const rangesOf = (numbers: readonly number[]): string => {
  const ranges: [number, number][] = []
  for (const each of [...numbers].sort((a, b) => a - b)) {
    const last = ranges.at(-1)
    if (last !== undefined && each <= last[1] + 1) last[1] = each
    else ranges.push([each, each])
  }
  const text = ranges
    .slice(0, MOST_RANGES)
    .map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`))
    .join(', ')
  const rest = ranges.slice(MOST_RANGES).reduce((count, [from, to]) => count + to - from + 1, 0)
  return rest === 0 ? text : `${text} and ${rest} more`
}

/** `partition 3`, `partitions 0-3, 7`. */
export const partitionsOf = (numbers: readonly number[]): string =>
  `partition${numbers.length === 1 ? '' : 's'} ${rangesOf(numbers)}`

/** `a`, `a and b`, `a, b and c`. */
export const listOf = (parts: readonly string[]): string =>
  parts.length < 2 ? (parts[0] ?? '') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`

/** So many are named where there may be thousands. */
export const MOST_NAMED = 5

/** The same, of people, of whom only the first few are named. */
export const namesOf = (names: readonly string[]): string => {
  const rest = names.length - MOST_NAMED
  return listOf(rest > 0 ? [...names.slice(0, MOST_NAMED), `${rest} more`] : names)
}
