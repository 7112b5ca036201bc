import type { DemoState } from './deeds.ts'
import type { DemoEvent } from './events.ts'
import { plain, Story } from './story.ts'

const KEPT = 8

/** The latest sentences of what happened, for the page. */
export class Recent {
  readonly #story = new Story(plain)
  readonly #told: DemoState['told'][number][] = []
  #number = 0

  get told(): DemoState['told'] {
    return [...this.#told]
  }

  tell(event: DemoEvent): void {
    // What they have to say is longer than a line, and belongs into the terminal.
    if (event.type === 'started' || event.type === 'summary') return
    for (const text of this.#story.lines(event)) this.#told.push({ number: ++this.#number, text: text.trim() })
    this.#told.splice(0, Math.max(0, this.#told.length - KEPT))
  }
}
