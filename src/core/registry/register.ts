import type { Because, GroupEvent } from '../group/reasons.ts'
import { isSame } from '../same.ts'
import { type Instance, instanceIn } from './instance.ts'

/** What is known of a member of a service. */
export interface Registrant {
  readonly id: string
  readonly incarnation: number
  /** As it was said. */
  readonly metadata: unknown
  /** An operator has it drained. */
  readonly drained: boolean
}

interface Entry {
  readonly said: unknown
  readonly drained: boolean
  readonly instance: Instance
}

const NOTHING: readonly GroupEvent[] = []

/**
 * The instances of one service: who of its members has said where it is, and how it is. It decides nothing about who is there: that is
 * the roster's business.
 */
export class Register {
  readonly #entries = new Map<string, Entry>()

  get instances(): readonly Instance[] {
    return [...this.#entries.values()].map(({ instance }) => instance)
  }

  /** What is told of a service instead of an event of its group. */
  instead(event: GroupEvent, members: ReadonlyMap<string, Registrant>): readonly GroupEvent[] {
    switch (event.type) {
      case 'member.joined': {
        const member = members.get(event.member)
        return member === undefined ? NOTHING : this.heard(member, event.because)
      }
      case 'member.left':
      case 'member.expired':
        return this.#gone(event)
      case 'member.drained':
      case 'member.undrained': {
        const member = members.get(event.member)
        return member === undefined ? [event] : [event, ...this.heard(member)]
      }
      default:
        return [event]
    }
  }

  /** A member came, or said something. One that has not said where it is yet is no instance. */
  heard({ id, incarnation, metadata: said, drained }: Registrant, because: Because = 'joined'): readonly GroupEvent[] {
    const known = this.#entries.get(id)
    if (said === undefined || (known !== undefined && known.said === said && known.drained === drained)) return NOTHING
    const instance = instanceIn({ id, incarnation, metadata: said, drained })
    if (instance === undefined) return NOTHING
    const isNews = known === undefined || !isSame(known.instance, instance)
    this.#entries.set(id, { said, drained, instance: isNews ? instance : known.instance })
    if (!isNews) return NOTHING
    const { id: member, incarnation: _, ...record } = instance
    return known === undefined
      ? [{ type: 'service.registered', member, incarnation, because, instance: record }]
      : [{ type: 'service.updated', member, incarnation, instance: record }]
  }

  #gone({ member, incarnation, because }: Omit<Gone, 'type'>): readonly GroupEvent[] {
    return this.#entries.delete(member) ? [{ type: 'service.withdrawn', member, incarnation, because }] : NOTHING
  }
}

type Gone = Extract<GroupEvent, { readonly type: 'member.left' | 'member.expired' }>

/** Brings a list up to date with one more event of the service. False when that says nothing about it. */
export const apply = (instances: Map<string, Instance>, event: GroupEvent): boolean => {
  if (event.type === 'service.withdrawn') return instances.delete(event.member)
  if (event.type !== 'service.registered' && event.type !== 'service.updated') return false
  const { member: id, incarnation, instance } = event
  instances.set(id, Object.freeze({ id, incarnation, ...instance }))
  return true
}
