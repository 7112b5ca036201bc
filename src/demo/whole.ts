import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DemoEvent } from './events.ts'
import { type Picture, untilWhole } from './group.ts'
import { LineLog } from './log.ts'
import { movesBetween, type OwnersView, sharesOf } from './views.ts'

const LOOK_EVERY_MS = 100

export interface WholeOptions {
  readonly look: () => Promise<Picture | undefined>
  /** Who has to be in the group for it to be whole. */
  readonly expected: () => readonly string[]
  readonly signal: AbortSignal
  readonly tell: (event: DemoEvent) => void
  /** Somebody may have asked for what takes long: nothing is wrong then. */
  readonly patiently: boolean
}

/** Knows when the group is whole again, tells what moved meanwhile, and keeps the log of it. */
export class Whole {
  readonly #options: WholeOptions
  #log: LineLog | undefined
  #view: OwnersView = { members: [], owners: [] }
  /** Somebody waits for it already. */
  #again: Promise<void> | undefined
  readonly #over = new AbortController()

  constructor(options: WholeOptions) {
    this.#options = options
    const { signal } = options
    signal.addEventListener('abort', () => this.#over.abort(signal.reason), { once: true })
  }

  /** From now on the log is in this folder. */
  begin(folder: string): void {
    this.#log?.close()
    this.#log = new LineLog(join(folder, 'views.ndjson'))
    if (this.#view.members.length > 0) this.#log.append([this.#view])
  }

  /** How many partitions each member had when it was last whole. */
  get shares(): Readonly<Record<string, number>> {
    return sharesOf(this.#view)
  }

  /** As far as is known: somebody who lives has not been missed since. */
  get isSo(): boolean {
    return this.#view.members.length > 0 && this.#expected() === this.#view.members.join()
  }

  /** Resolves once it is, and tells of it: once, however many wait for it. */
  again(sinceMs: number): Promise<void> {
    this.#again ??= this.#wait(sinceMs).finally(() => {
      this.#again = undefined
    })
    return this.#again
  }

  async #wait(sinceMs: number): Promise<void> {
    const { tell, look, expected, patiently } = this.#options
    const view = await untilWhole(look, expected, this.#over.signal, { patiently })
    // Whoever ends is no news.
    this.throwIfClosed()
    const moves = movesBetween(this.#view, view)
    this.#view = view
    this.#log?.append([view])
    tell({ type: 'whole', afterMs: Math.round(performance.now() - sinceMs), shares: sharesOf(view), ...moves })
  }

  throwIfClosed(): void {
    this.#over.signal.throwIfAborted()
  }

  get isClosed(): boolean {
    return this.#over.signal.aborted
  }

  /** Waits for it whenever somebody came or went. Resolves once it is closed. */
  async watch(): Promise<void> {
    const { signal } = this.#over
    try {
      for (;;) {
        if (this.#expected() !== this.#view.members.join()) await this.again(performance.now())
        await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => signal.throwIfAborted())
      }
    } catch (error) {
      if (!(error instanceof Closed)) throw error
    }
  }

  /** Whoever waits hears that it is over. */
  close(): void {
    this.#over.abort(new Closed())
    this.#log?.close()
    this.#log = undefined
  }

  #expected(): string {
    return [...this.#options.expected()].sort().join()
  }
}

class Closed extends Error {}
