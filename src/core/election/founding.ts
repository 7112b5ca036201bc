import type { Generation } from '../lease.ts'
import type { Founding, Pair } from './messages.ts'

/** The same for everybody who adopted the same founding. */
export const foundingIdOf = ({ base, original }: Founding): string =>
  `${base}/${original.map(({ storeId }) => storeId).join('/')}`

export const storeOf = (pairs: readonly Pair[], id: string): string | undefined =>
  pairs.find((pair) => pair.id === id)?.storeId

/** Whether it is a founding of these voters at all. */
export const isOf = ({ original, stores }: Founding, voters: readonly string[]): boolean =>
  [original, stores].every(
    (pairs) => pairs.length === voters.length && pairs.every(({ id }, index) => id === voters[index]),
  )

/**
 * Whether a new voter may adopt it: it names this very pair, and from the beginning. A pair that took the place of another one has lost a
 * disk, and must hear from everybody first (rejoin.ts).
 */
export const mayAdopt = ({ original, stores }: Founding, { id, storeId }: Pair): boolean =>
  storeOf(original, id) === storeId && storeOf(stores, id) === storeId

/** The founding with another store for this voter. */
export const withStore = (founding: Founding, { id, storeId }: Pair): Founding => ({
  ...founding,
  stores: founding.stores.map((pair) => (pair.id === id ? { id, storeId } : pair)),
  // The oldest go first: a message that is so many lost disks old comes no more.
  retired: [...founding.retired, ...founding.stores.filter((pair) => pair.id === id)].slice(-32),
})

/**
 * The first start of all. Whoever has seen every voter new writes the founding; what it says follows from what the voters have durably
 * said, so two who write it write the same. Nobody takes part before everybody has adopted it: what was *seen* new may have been lost
 * and begun again since, and have adopted another founding before, but one store never adopts two (docs/adr/0020).
 */
export class FirstStart {
  readonly #new = new Map<string, { storeId: string; base: Generation }>()
  readonly #adopted = new Set<string>()

  sawNew({ id, storeId }: Pair, base: Generation): void {
    this.#new.set(id, { storeId, base })
  }

  /** What to adopt, once every voter was seen. */
  founding(voters: readonly string[]): Founding | undefined {
    const seen = voters.map((id) => ({ id, ...this.#new.get(id) }))
    if (!seen.every(({ storeId }) => storeId !== undefined)) return undefined
    const original = seen.map(({ id, storeId = '' }) => ({ id, storeId }))
    return { base: Math.max(...seen.map(({ base = 0 }) => base)), original, stores: original, retired: [] }
  }

  sawAdopted(id: string): void {
    this.#adopted.add(id)
  }

  everybodyAdopted(voters: readonly string[]): boolean {
    return voters.every((id) => this.#adopted.has(id))
  }

  /** Who was not seen new yet. */
  missing(voters: readonly string[]): string[] {
    return voters.filter((id) => !this.#new.has(id))
  }

  /** Who has not said yet that it adopted the same one: it may have adopted another, which only people can undo. */
  notAdopted(voters: readonly string[]): string[] {
    return voters.filter((id) => !this.#adopted.has(id))
  }
}
