import type { Millis } from '../../core/time.ts'
import { render } from './frame.ts'
import type { Key } from './keys.ts'
import type { Live } from './live.ts'
import { FIRST_LOOK, inOrder, type Looking, lookAfter } from './looking.ts'
import type { Asker } from './picture.ts'
import { Screen } from './screen.ts'
import type { TopState } from './state.ts'
import type { Terminal } from './terminal.ts'

/** At most so often what servers say is drawn, and the lease that runs down. */
const DRAW_EVERY_MS: Millis = 250
/** After a key: at once for a person, and once for many. */
const KEY_DRAW_MS: Millis = 20

/** The screen of `caucus top`: draws what is known, and does what keys say. */
export class Show {
  readonly #terminal: Terminal
  readonly #screen: Screen
  readonly #asker: Asker
  readonly #live: Live
  readonly #end: (key: 'quit' | 'interrupt') => void
  #looking: Looking = FIRST_LOOK
  #timer: NodeJS.Timeout | undefined
  #soon: NodeJS.Timeout | undefined

  constructor({ terminal, asker, live, colors, end }: ShowOptions) {
    this.#terminal = terminal
    this.#asker = asker
    this.#live = live
    this.#screen = new Screen(colors)
    this.#end = end
  }

  start(): void {
    this.#timer = setInterval(() => this.#draw(), DRAW_EVERY_MS)
    this.#draw()
  }

  stop(): void {
    clearInterval(this.#timer)
    clearTimeout(this.#soon)
    this.#soon = undefined
    this.#timer = undefined
  }

  key(key: Key): void {
    if (key === 'quit' || key === 'interrupt') return this.#end(key)
    if (key === 'suspend') return this.#terminal.suspend()
    if (key === 'redraw') return this.stale()
    const { groups = [] } = this.#live.known.picture ?? {}
    const { shared, services } = inOrder(groups, this.#looking)
    const opened = groups.find(({ name }) => name === this.#looking.opened)
    this.#looking = lookAfter(key, this.#looking, {
      names: [...shared, ...services].map(({ name }) => name),
      members: opened?.members.length ?? 0,
      page: Math.max(1, Math.floor(this.#terminal.size.rows / 2)),
    })
    this.#live.open(this.#looking.opened)
    this.#drawSoon()
  }

  /** Draws all of it anew. */
  stale(): void {
    this.#screen.forget()
    this.#drawSoon()
  }

  #drawSoon(): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined
      this.#draw()
    }, KEY_DRAW_MS)
  }

  #draw(): void {
    // After the end, or while the shell has the terminal.
    if (this.#timer === undefined || !this.#terminal.isTaken) return
    // A terminal behind a slow line gets the newest once it has taken what it was given.
    if (this.#terminal.isBusy) return
    const { size } = this.#terminal
    this.#terminal.write(this.#screen.change(render(this.#state(), size), size))
  }

  #state(): TopState {
    return {
      ...this.#live.known,
      nowMs: performance.now(),
      clock: new Date().toISOString().slice(11, 19),
      server: this.#asker.server,
      looking: this.#looking,
      keys: this.#terminal.hasKeys,
    }
  }
}

interface ShowOptions {
  readonly terminal: Terminal
  readonly asker: Asker
  readonly live: Live
  readonly colors: boolean
  /** Somebody wants it to end. */
  readonly end: (key: 'quit' | 'interrupt') => void
}
