import type { Producer } from '../../client/topic-producer.ts'
import type { EventLoop } from './event-loop.ts'

const MISSED = ''

/** Who answers the roll, and who hears it, by process. */
export class RollBook {
  readonly #rolls = new Map<EventLoop, Set<string>>()
  readonly #present = new Map<EventLoop, Producer>()

  /** Somebody who listens to the roll hears a reply, or is told that it missed some (`undefined`). */
  hears(loop: EventLoop, token: string | undefined): void {
    const heard = this.#rolls.get(loop) ?? new Set()
    this.#rolls.set(loop, heard.add(token ?? MISSED))
  }

  /** What has been heard of the roll since the last time that somebody wanted to know; `undefined`: it does not listen. */
  take(loop: EventLoop): { readonly missed: boolean; readonly tokens: ReadonlySet<string> } | undefined {
    const tokens = this.#rolls.get(loop)
    if (tokens === undefined) return undefined
    this.#rolls.set(loop, new Set())
    return { missed: tokens.has(MISSED), tokens }
  }

  listens(loop: EventLoop, listens: boolean): void {
    if (listens) this.#rolls.set(loop, new Set())
    else this.#rolls.delete(loop)
  }

  /** Somebody who answers the roll as long as it is there. */
  present(loop: EventLoop, producer: Producer): void {
    this.#present.set(loop, producer)
  }

  producerIn(loop: EventLoop): Producer | undefined {
    return this.#present.get(loop)
  }
}
