const NONE: ReadonlySet<number> = new Set()

/** Which partitions are whose, looked up from both sides. */
export class PartitionsById {
  readonly #ids = new Map<number, string>()
  readonly #items = new Map<string, Set<number>>()

  get(item: number): string | undefined {
    return this.#ids.get(item)
  }

  of(id: string): ReadonlySet<number> {
    return this.#items.get(id) ?? NONE
  }

  set(item: number, id: string): void {
    if (this.#ids.get(item) === id) return
    this.delete(item)
    this.#ids.set(item, id)
    const items = this.#items.get(id)
    if (items === undefined) this.#items.set(id, new Set([item]))
    else items.add(item)
  }

  delete(item: number): void {
    const id = this.#ids.get(item)
    if (id === undefined) return
    this.#ids.delete(item)
    const items = this.#items.get(id)
    items?.delete(item)
    if (items?.size === 0) this.#items.delete(id)
  }

  forgetAllBut(remembers: (id: string) => boolean): void {
    for (const [id, items] of this.#items) {
      if (remembers(id)) continue
      for (const item of items) this.#ids.delete(item)
      this.#items.delete(id)
    }
  }
}
