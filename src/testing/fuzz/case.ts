import type { Random } from '../../core/random.ts'
import type { Api } from './api.ts'
import type { Target } from './line.ts'
import type { World } from './world.ts'

export const LAYERS = ['decode', 'coordinator', 'http', 'link', 'raw'] as const
/**
 * What takes the inputs: `decode` the functions that read them, `coordinator` the coordinator behind them (both in this process), `http`
 * requests that are well-formed as such, `link` frames of WebSocket, and `raw` bytes that are neither.
 */
export type Layer = (typeof LAYERS)[number]

/** What a case needs: all that is drawn comes from `random`, so the same case is the same again. */
export interface Setting {
  readonly random: Random
  readonly api: Api
  readonly world: World
  readonly target: Target
  /** The address that it comes from, which is not that of the canaries: what is counted for an address is not counted for them. */
  readonly from: string | undefined
}

export interface Outcome {
  /** Requests, frames, texts: whatever was sent or decoded by itself. */
  readonly inputs: number
  /** What must not be. */
  readonly fault?: string
  /** The last inputs before it, as far as people can read them. */
  readonly sent?: readonly string[]
}

export type Case = (setting: Setting) => Promise<Outcome>

const SHOWN = 6

/** Keeps the last inputs of a case for whoever has to look at them. */
export class Sent {
  count = 0
  readonly #last: (Buffer | string)[] = []

  add(input: Buffer | string): void {
    this.count++
    this.#last.push(input)
    if (this.#last.length > 4 * SHOWN) this.#last.splice(0, 3 * SHOWN)
  }

  outcome(fault?: string): Outcome {
    if (fault === undefined) return { inputs: this.count }
    return { inputs: this.count, fault, sent: this.#last.slice(-SHOWN).map(readable) }
  }
}

const readable = (input: Buffer | string): string => {
  const text = JSON.stringify(typeof input === 'string' ? input : input.toString('latin1'))
  return text.length > 2_000 ? `${text.slice(0, 1_000)} … (${text.length} characters) … ${text.slice(-200)}` : text
}
