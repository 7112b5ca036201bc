import type { Random } from '../../core/random.ts'
import { V1 } from '../../wire/v1.ts'
import type { Protocol } from '../../wire/versions.ts'
import type { Api } from './api.ts'
import { oneOf, percent, weighted } from './draw.ts'
import { hostileJson } from './hostile.ts'
import { Fields, type Json, textOf } from './json.ts'
import type { Memory } from './memory.ts'
import { damaged, mutated, mutatedText } from './mutate.ts'
import { exampleOf, fitted, type JsonSchema } from './schema.ts'
import type { World } from './world.ts'

/** Draws frames of a member: texts, each an array of messages. */
export class MemberFrames {
  readonly #messages: readonly JsonSchema[]
  readonly #world: World

  constructor({ memberFrame }: Api, world: World) {
    const { items = {} } = memberFrame
    this.#messages = items.anyOf ?? [items]
    this.#world = world
  }

  /** A frame of the right form: whatever it claims, the link stays open. */
  draw(random: Random, memory: Memory, protocol: Protocol): string {
    const count = weighted(random, [
      [10, 1],
      [4, 2],
      [2, 5],
      [1, 0],
      [0.02, 300],
    ] as const)
    return textOf(Array.from({ length: count }, () => this.#sound(random, memory, protocol)))
  }

  /** A frame with something wrong in it. */
  broken(random: Random, memory: Memory): string {
    const frame = Array.from({ length: oneOf(random, [1, 1, 2]) }, () => this.#message(random, memory))
    return weighted<() => string>(random, [
      [70, () => mutatedText(frame, random)],
      [10, () => textOf(mutated(mutated(frame, random), random))],
      [10, () => damaged(textOf(frame), random)],
      [5, () => textOf(hostileJson(random))],
      [1, () => textOf(Array.from({ length: 1_025 }, () => frame[0] as Json))],
    ])()
  }

  #message(random: Random, memory: Memory): Fields {
    const message = exampleOf(oneOf(random, this.#messages), this.#world.source(random, memory)) as Fields
    const own = percent(random, 60) ? memory.renewal(random) : undefined
    if (own === undefined) return message
    const { group, member, fields } = own
    if (message.get('type') === 'renew') {
      return message.with({ share: undefined, group, member, ...Object.fromEntries(fields.entries) })
    }
    return message.with({
      group,
      member,
      bootId: fields.get('bootId'),
      incarnation: fields.get('incarnation'),
      sequence: fields.get('sequence'),
    })
  }

  /** With values that its form allows, however mad: numbers up to the last safe one, lists that repeat what others hold. */
  #sound(random: Random, memory: Memory, protocol: Protocol): Fields {
    const message = this.#message(random, memory)
    const { properties = {} } = this.#schemaOf(message)
    const names = new Set(Object.keys(properties))
    const entries = message.entries.map(
      ([name, value]) => [name, fitted(isHoldings(value) ? onceEach(value) : value, properties[name] ?? {})] as const,
    )
    // Only since version 2 may a message say more than is known.
    const extra = protocol === 1 || !percent(random, 5) ? [] : ([[`x${random.below(9)}`, 1]] as const)
    const early =
      protocol === 1 ? entries.filter(([name, value]) => V1_FIELDS.has(name) && !isNewShare(name, value)) : entries
    return new Fields([...early.filter(([name]) => names.has(name)), ...extra])
  }

  #schemaOf(message: Fields): JsonSchema {
    const type = message.get('type')
    return this.#messages.find(({ properties }) => properties?.type?.const === type) ?? {}
  }
}

/** What version 1 knows, whose peers close a link for any other field. */
const V1_FIELDS = new Set([V1.renew, V1.leave].flatMap(({ properties }) => Object.keys(properties)))

/** Version 1 has neither elections nor services. */
const isNewShare = (name: string, value: Json): boolean =>
  name === 'share' && typeof value === 'string' && value !== 'index'

const isHoldings = (value: Json): value is readonly Fields[] =>
  Array.isArray(value) && value[0] instanceof Fields && value[0].get('item') !== undefined

/** No schema can say that an item may stand in a list only once, nor that an index is from 1 to its total. */
const onceEach = (list: readonly Fields[]): Json => {
  const items = new Map(list.map((each) => [each.get('item'), each]))
  return [...items.values()].map((each) => {
    const item = Number(each.get('item'))
    const of = each.get('of')
    return of === undefined || (item >= 1 && item <= Number(of))
      ? each
      : new Fields(each.entries.filter(([name]) => name !== 'of'))
  })
}
