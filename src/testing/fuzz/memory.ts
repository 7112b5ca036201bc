import type { Random } from '../../core/random.ts'
import { oneOf, percent } from './draw.ts'
import { Fields, type Json, jsonOf } from './json.ts'

interface Held {
  readonly item: number
  readonly epoch: number
  readonly of?: number
}

/** A membership as its last answer had it. */
interface Membership {
  readonly group: string
  readonly member: string
  readonly bootId: string
  readonly generation: number
  readonly incarnation: number
  sequence: number
  readonly order: number
  readonly holding: readonly Held[]
  readonly revoked: readonly Held[]
}

const KEPT_VALUES = 8
const KEPT_MEMBERSHIPS = 6
const MOST_LEARNED = 200

/** What the answers of one case have said, so that its next requests come near to being right. */
export class Memory {
  readonly #values = new Map<string, unknown[]>()
  readonly #memberships = new Map<string, Membership>()

  /** Takes in everything that has a name in this answer. */
  learn(answer: unknown): void {
    let left = MOST_LEARNED
    const queue: [string, unknown][] = [['', answer]]
    for (let next = queue.pop(); next !== undefined && left-- > 0; next = queue.pop()) {
      const [field, value] = next
      if (Array.isArray(value)) for (const each of value.slice(0, 8)) queue.push([field, each])
      else if (typeof value === 'object' && value !== null) queue.push(...Object.entries(value))
      else this.#keep(field, value)
    }
  }

  #keep(field: string, value: unknown): void {
    const values = this.#values.get(field) ?? []
    values.push(value)
    if (values.length > KEPT_VALUES) values.shift()
    this.#values.set(field, values)
  }

  known(random: Random, field: string): unknown {
    const values = this.#values.get(field)
    return values === undefined ? undefined : oneOf(random, values)
  }

  /** An answer to a renewal, over HTTP or a link. */
  admitted(group: string, member: string, bootId: string, share: Readonly<Record<string, unknown>>): void {
    const { generation, incarnation, sequence, order } = share
    if (typeof generation !== 'number' || typeof incarnation !== 'number' || typeof order !== 'number') return
    const key = `${group}/${member}`
    this.#memberships.delete(key)
    this.#memberships.set(key, {
      ...{ group, member, bootId, generation, incarnation, order },
      sequence: typeof sequence === 'number' ? sequence : 0,
      holding: heldIn(share),
      revoked: Array.isArray(share.revoked) ? (share.revoked as Held[]) : [],
    })
    if (this.#memberships.size > KEPT_MEMBERSHIPS) this.#memberships.delete([...this.#memberships.keys()][0] as string)
  }

  /** A renewal that is right, or nearly so: one that was sent before, the claim of somebody else, an epoch too high. */
  renewal(random: Random): { readonly group: string; readonly member: string; readonly fields: Fields } | undefined {
    const memberships = [...this.#memberships.values()]
    if (memberships.length === 0) return undefined
    const own = oneOf(random, memberships)
    const other = oneOf(random, memberships)
    const { generation, incarnation, bootId } = percent(random, 90) ? own : other
    own.sequence += percent(random, 80) ? 1 : 0
    const claimed = percent(random, 85) ? own : other
    const fields: Record<string, Json> = {
      bootId,
      sequence: percent(random, 90) ? own.sequence : oneOf(random, [0, 1, own.sequence - 1, own.sequence + 1_000]),
      incarnation: percent(random, 95) ? incarnation : incarnation + oneOf(random, [1, -1, 2 ** 21]),
      generation: percent(random, 95) ? generation : generation + oneOf(random, [1, -1, 70_000]),
      order: percent(random, 90) ? own.order : own.order + oneOf(random, [1, -1]),
      holding: claimsOf(claimed.holding, random),
    }
    if (own.revoked.length > 0) fields[oneOf(random, ['draining', 'acknowledged'])] = claimsOf(own.revoked, random)
    return { group: own.group, member: own.member, fields: new Fields(Object.entries(fields)) }
  }

  /** What a leave of somebody who was admitted names. */
  leave(random: Random): Omit<Membership, 'holding' | 'revoked' | 'order'> | undefined {
    const memberships = [...this.#memberships.values()]
    return memberships.length === 0 ? undefined : oneOf(random, memberships)
  }
}

/** Over HTTP an index and partitions have fields of their own. */
const heldIn = ({ holding, partitions, index, total, epoch }: Readonly<Record<string, unknown>>): readonly Held[] => {
  if (Array.isArray(holding)) return holding as Held[]
  if (Array.isArray(partitions))
    return (partitions as { id: number; epoch: number }[]).map(({ id, epoch }) => ({ item: id, epoch }))
  if (typeof index === 'number' && typeof total === 'number' && typeof epoch === 'number')
    return [{ item: index, of: total, epoch }]
  return []
}

const claimsOf = (holding: readonly Held[], random: Random): Json => {
  const lied = percent(random, 10) ? random.below(holding.length + 1) : -1
  return jsonOf(
    holding
      .slice(0, 64)
      .map((held, at) =>
        at === lied ? { ...held, epoch: held.epoch + oneOf(random, [1, -1, 2 ** 21, 2 ** 37]) } : held,
      ),
  )
}
