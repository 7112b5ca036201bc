import type { Random } from '../../core/random.ts'
import { between, oneOf, percent, weighted } from './draw.ts'
import { hostileJson, hostileNumber, hostileText } from './hostile.ts'
import { Fields, isList, type Json, textOf, Verbatim } from './json.ts'

/** The JSON with one to three things in it changed, dropped, doubled or put in the wrong place. */
export const mutated = (json: Json, random: Random): Json => {
  let changed = json
  for (let left = oneOf(random, [1, 1, 1, 2, 3]); left > 0; left--) {
    const parts = partsOf(changed)
    changed = replaced(changed, random.below(parts.length), (part) => change(part, parts, random))
  }
  return changed
}

/** As text, that is damaged as text now and then. */
export const mutatedText = (json: Json, random: Random): string => {
  const text = textOf(percent(random, 85) ? mutated(json, random) : json)
  return percent(random, 15) ? damaged(text, random) : text
}

const MOST_PARTS = 500

/** The JSON and everything in it, outermost first. */
const partsOf = (json: Json): readonly Json[] => {
  const parts: Json[] = [json]
  for (let at = 0; at < parts.length && parts.length < MOST_PARTS; at++) {
    const part = parts[at] as Json
    if (part instanceof Fields) parts.push(...part.entries.map(([, value]) => value))
    else if (isList(part)) parts.push(...part.slice(0, MOST_PARTS))
  }
  return parts
}

/** A copy in which the part that comes at this place in `partsOf` is another. */
const replaced = (json: Json, place: number, by: (part: Json) => Json): Json => {
  let left = place
  const queue: { set(value: Json): void; readonly part: Json }[] = []
  let whole: Json = json
  queue.push({ part: json, set: (value) => (whole = value) })
  for (let at = 0; at < queue.length; at++) {
    const { part, set } = queue[at] as (typeof queue)[number]
    if (left-- === 0) {
      set(by(part))
      return whole
    }
    if (part instanceof Fields) {
      const entries = part.entries.map(([key, value]) => [key, value] as [string, Json])
      set(new Fields(entries))
      for (const entry of entries) queue.push({ part: entry[1], set: (value) => (entry[1] = value) })
    } else if (isList(part)) {
      const items = [...part]
      set(items)
      for (const [index, item] of items.entries()) queue.push({ part: item, set: (value) => (items[index] = value) })
    }
  }
  return whole
}

const change = (part: Json, others: readonly Json[], random: Random): Json => {
  if (percent(random, 12)) return hostileJson(random)
  if (percent(random, 5)) return oneOf(random, others)
  if (percent(random, 3)) return [part]
  if (part instanceof Fields) return changeFields(part, random)
  if (isList(part)) return changeList(part, random)
  if (typeof part === 'number') return changeNumber(part, random)
  if (typeof part === 'string') return changeText(part, random)
  return oneOf<Json>(random, [true, false, null, 0, 'true'])
}

const changeFields = ({ entries }: Fields, random: Random): Json => {
  const at = random.below(Math.max(1, entries.length))
  const [key, value] = entries[at] ?? ['a', 1]
  return weighted<() => Json>(random, [
    [30, () => new Fields(entries.filter((_, index) => index !== at))],
    [15, () => new Fields([...entries, [key, hostileJson(random)]])],
    [10, () => new Fields([[key, hostileJson(random)], ...entries])],
    [15, () => new Fields([...entries, [hostileText(random), value]])],
    [10, () => new Fields([...entries, [oneOf(random, ['__proto__', 'constructor', 'type', 'toJSON']), value]])],
    [
      10,
      () => new Fields(entries.map((entry, index) => (index === at ? [`${key}${hostileText(random)}`, value] : entry))),
    ],
    [5, () => new Fields([...entries].reverse())],
    [5, () => entries.map(([, each]) => each)],
  ])()
}

const changeList = (list: readonly Json[], random: Random): Json => {
  const at = random.below(Math.max(1, list.length))
  return weighted<() => Json>(random, [
    [25, () => list.filter((_, index) => index !== at)],
    [30, () => [...list, ...list.slice(at, at + 1)]],
    [15, () => [...list, hostileJson(random)]],
    [10, () => [...list].reverse()],
    [5, () => new Fields(list.map((each, index) => [String(index), each] as const))],
    [5, () => []],
    [0.3, () => Array.from({ length: 5_000 }, () => list[at] ?? null)],
  ])()
}

const changeNumber = (number: number, random: Random): Json =>
  weighted<() => Json>(random, [
    [35, () => number + oneOf(random, [1, -1, 2, -2, 0.5, 2 ** 21, -(2 ** 21)])],
    [10, () => -number],
    [5, () => number * oneOf(random, [2, 10, 2 ** 21, 2 ** 31, 1e300])],
    [5, () => String(number)],
    [5, () => new Verbatim(`${number}e0`)],
    [40, () => hostileNumber(random)],
  ])()

const changeText = (text: string, random: Random): Json =>
  weighted<() => Json>(random, [
    [40, () => hostileText(random)],
    [20, () => text + hostileText(random)],
    [10, () => hostileText(random) + text],
    [10, () => text.slice(random.below(text.length + 1))],
    [5, () => text.toUpperCase()],
    [5, () => hostileNumber(random)],
  ])()

const PIECES = [
  '"',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '\\',
  '\\u',
  '\\ud800',
  '\0',
  '\u00a0',
  '//',
  'NaN',
  '-',
  'e',
  '\ufeff',
]

/** A text in which some characters are others, missing or too many. */
export const damaged = (text: string, random: Random): string => {
  const at = random.below(text.length + 1)
  const length = between(random, 1, 4)
  return weighted<() => string>(random, [
    [30, () => text.slice(0, at)],
    [30, () => text.slice(0, at) + text.slice(at + length)],
    [30, () => text.slice(0, at) + oneOf(random, PIECES) + text.slice(at)],
    [5, () => text + text],
    [5, () => text.slice(0, at) + text.slice(Math.max(0, at - 20))],
  ])()
}
