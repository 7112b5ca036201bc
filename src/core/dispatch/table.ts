/** The least number of places; a power of two. */
const LEAST = 16

/**
 * A map from numbers that are handed out in turn, for what comes and goes a million times a minute. Numbers in a row get places in a row.
 *
 * A `Map` would do but for one thing: each time it is reorganised, its old table goes on pointing to the new one, and once one of them
 * has grown old, everything that was ever in the later ones outlives it. Here nothing is left of what was removed.
 */
export class Table<Value> {
  #keys: number[] = []
  #values: (Value | undefined)[] = []
  #mask = -1
  #size = 0

  get size(): number {
    return this.#size
  }

  get(key: number): Value | undefined {
    return this.#size === 0 ? undefined : this.#values[this.#placeOf(key)]
  }

  set(key: number, value: Value): void {
    // Half of the places stay empty, so that a search soon meets one.
    if (this.#size * 2 > this.#mask) this.#resize(Math.max(LEAST, (this.#mask + 1) * 2))
    const place = this.#placeOf(key)
    if (this.#values[place] === undefined) this.#size++
    this.#keys[place] = key
    this.#values[place] = value
  }

  delete(key: number): boolean {
    if (this.#size === 0) return false
    let empty = this.#placeOf(key)
    if (this.#values[empty] === undefined) return false
    this.#size--
    // Whoever stands behind it moves up, if that brings it nearer to where a search for it begins.
    for (let place = (empty + 1) & this.#mask; this.#values[place] !== undefined; place = (place + 1) & this.#mask) {
      const home = (this.#keys[place] as number) & this.#mask
      if (((place - home) & this.#mask) < ((place - empty) & this.#mask)) continue
      this.#keys[empty] = this.#keys[place] as number
      this.#values[empty] = this.#values[place]
      empty = place
    }
    this.#values[empty] = undefined
    if (this.#mask >= LEAST && this.#size * 8 < this.#mask) this.#resize((this.#mask + 1) / 2)
    return true
  }

  /** Those that are there now, whatever is removed meanwhile. */
  all(): readonly Value[] {
    return this.#values.filter((value) => value !== undefined)
  }

  /** Where the key is, or the empty place at which it would be. */
  #placeOf(key: number): number {
    let place = key & this.#mask
    while (this.#values[place] !== undefined && this.#keys[place] !== key) place = (place + 1) & this.#mask
    return place
  }

  #resize(places: number): void {
    const keys = this.#keys
    const values = this.#values
    this.#keys = new Array<number>(places).fill(0)
    this.#values = new Array<Value | undefined>(places).fill(undefined)
    this.#mask = places - 1
    for (let place = 0; place < values.length; place++) {
      const value = values[place]
      if (value === undefined) continue
      const next = this.#placeOf(keys[place] as number)
      this.#keys[next] = keys[place] as number
      this.#values[next] = value
    }
  }
}
