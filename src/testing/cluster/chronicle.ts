import type { DiagramEvent } from '../diagram.ts'

/** As a `DiagramEvent`, except that a long text is made only when somebody reads it. */
export type Noted = Omit<DiagramEvent, 'what'> & { readonly what: string | (() => string) }

/** Kept when not everything is: enough to see what led to the end. */
const KEPT = 2_000

/**
 * What happened in one cluster, in order: the last events (or all of them) to read and to draw, and a hash of all of them by which two
 * runs are compared.
 */
export class Chronicle {
  readonly #events: Noted[] = []
  readonly #keepAll: boolean
  #next = 0
  #high = 0x811c9dc5
  #low = 0x9e3779b9
  #count = 0

  constructor(keepAll: boolean) {
    this.#keepAll = keepAll
  }

  /** Whoever gives no plain text mixes in what it would say. */
  note(event: Noted): void {
    this.#count++
    this.#mix(Math.floor(event.at * 1000) | 0)
    this.#mixText(event.who)
    if (typeof event.what === 'string') this.#mixText(event.what)
    if (event.detail !== undefined) this.#mixText(event.detail)
    if (this.#keepAll || this.#events.length < KEPT) this.#events.push(event)
    else this.#events[this.#next++ % KEPT] = event
  }

  /** Of what is too long to be kept. */
  mixText(text: string): void {
    this.#mixText(text)
  }

  #mixText(text: string): void {
    let code = 0x811c9dc5
    for (let at = 0; at < text.length; at++) code = Math.imul(code ^ text.charCodeAt(at), 0x01000193)
    this.#mix(code)
  }

  #mix(value: number): void {
    this.#high = Math.imul(this.#high ^ value, 0x01000193)
    this.#low = Math.imul(this.#low ^ (value + (this.#high >>> 15)), 0x85ebca6b)
  }

  get count(): number {
    return this.#count
  }

  get hash(): string {
    const hex = (value: number) => (value >>> 0).toString(16).padStart(8, '0')
    return hex(this.#high) + hex(this.#low)
  }

  /** The oldest first. */
  events(): readonly DiagramEvent[] {
    const from = this.#keepAll ? 0 : this.#next % KEPT
    const noted = [...this.#events.slice(from), ...this.#events.slice(0, from)]
    return noted.map((event) => ({ ...event, what: typeof event.what === 'string' ? event.what : event.what() }))
  }

  lines(): string[] {
    return this.events().map(({ at, who, what, detail }) => {
      const rest = detail === undefined || detail === '' ? '' : ` ${detail}`
      return `${at.toFixed(3).padStart(11)}  ${who.padEnd(12)} ${what}${rest}`
    })
  }
}
