import type { CoordinatorMessage, Holding, MemberMessage } from '../../core/group/messages.ts'
import { type Epoch, epochOf, generationOf } from '../../core/lease.ts'
import type { DiagramEvent } from '../diagram.ts'

type Words = Pick<DiagramEvent, 'what' | 'detail'>

/** Puts messages into words, with epochs as people can read them: `2.17` is the 17th of the second generation that was heard of. */
export class Teller {
  readonly #generations = new Map<number, number>()

  message(message: MemberMessage | CoordinatorMessage): Words {
    switch (message.type) {
      case 'renew': {
        const { sequence, generation, incarnation, order, holding, draining, acknowledged, leaving, weight } = message
        const joins = incarnation === undefined ? 'joins' : generation === undefined ? 'names no generation' : ''
        const knows = generation === undefined ? '' : `of generation ${this.#rank(generation)}, saw ${order}`
        const lists = this.#lists({ has: holding, drains: draining, 'let go': acknowledged })
        const traits = [
          weight === undefined ? '' : `weighs ${weight}`,
          message.static === true ? 'static' : '',
          leaving === true ? 'leaving' : '',
        ]
        return { what: `renewal ${sequence}`, detail: sentence(joins, knows, lists, ...traits) }
      }
      case 'share': {
        const { order, sequence, holding, revoked, leaseMs, generation, state } = message
        const lists = this.#lists({ gives: holding, revokes: revoked })
        const rest = `${state}, lease ${leaseMs} from the send of ${sequence}, generation ${this.#rank(generation)}`
        return { what: `share ${order}`, detail: sentence(lists === '' ? 'nothing' : lists, rest) }
      }
      case 'hello':
        return { what: 'hello', detail: `generation ${this.#rank(message.generation)} of ${message.instanceId}` }
      case 'refused':
        return { what: 'refused', detail: message.code }
      case 'leave':
        return { what: `leave ${message.sequence}`, ...(message.ran !== undefined && { detail: message.ran.outcome }) }
      case 'concluded':
        return { what: 'concluded', detail: message.conclusion }
      case 'left':
        return { what: 'left' }
    }
  }

  items(items: readonly Holding[]): string {
    return items.map((item) => this.#holding(item)).join(' ')
  }

  #lists(lists: Readonly<Record<string, readonly Holding[]>>): string {
    const filled = Object.entries(lists).filter(([, items]) => items.length > 0)
    return filled.map(([verb, items]) => `${verb} ${this.items(items)}`).join(', ')
  }

  #holding({ item, epoch, of }: Holding): string {
    return `${item}${of === undefined ? '' : `/${of}`}@${this.epoch(epoch)}`
  }

  epoch(epoch: Epoch): string {
    const generation = generationOf(epoch)
    return `${this.#rank(generation)}.${epoch - epochOf(generation, 0)}`
  }

  #rank(generation: number): number {
    const rank = this.#generations.get(generation) ?? this.#generations.size + 1
    this.#generations.set(generation, rank)
    return rank
  }

  /** Epochs and generations in a sentence of a checker. */
  rewrite(text: string): string {
    return text.replaceAll(/\b\d{13,16}\b/g, (digits) => {
      const known = this.#generations.has(generationOf(Number(digits)))
      return known ? this.epoch(Number(digits)) : digits
    })
  }
}

const sentence = (...parts: readonly string[]): string => parts.filter((part) => part !== '').join('; ')
