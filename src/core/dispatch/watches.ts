import type { Instant } from '../time.ts'
import type { Gather } from './gather.ts'
import type { Ending } from './messages.ts'
import { AskWatch } from './watch.ts'

/** The topics that somebody watches. */
export class Watches {
  readonly #byTopic = new Map<string, AskWatch>()

  get isEmpty(): boolean {
    return this.#byTopic.size === 0
  }

  of(topic: string): AskWatch | undefined {
    return this.#byTopic.get(topic)
  }

  /** From now on; `gathers` are all asks under way. */
  begin(topic: string, gathers: readonly Gather[], now: Instant): void {
    if (this.#byTopic.has(topic)) return
    const watch = new AskWatch(now)
    this.#byTopic.set(topic, watch)
    for (const gather of gathers) if (gather.topic === topic) gather.watched = watch.found(gather)
  }

  end(topic: string, gathers: readonly Gather[]): void {
    if (!this.#byTopic.delete(topic)) return
    for (const gather of gathers) if (gather.topic === topic) gather.watched = undefined
  }

  began(gather: Gather, now: Instant): void {
    gather.watched = this.#byTopic.get(gather.topic)?.began(gather, now)
  }

  /** Of those that nobody followed, whoever watches the topic wants to see those in which somebody failed. */
  ended(gather: Gather, ending: Ending, now: Instant): void {
    if (gather.watched !== undefined) gather.watched.ended(ending, now)
    else if (ending === 'timeout' || gather.isFaulty) {
      this.#byTopic.get(gather.topic)?.endedUnwatched(gather, ending, now)
    }
  }
}
