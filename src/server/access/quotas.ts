import type { QuotaLimits } from '../../config/rates.ts'
import { CaucusError } from '../../errors.ts'

/** What there is a bounded number of, for all together. */
export type Shared = 'connections' | 'links' | 'streams'
type Subject = 'identity' | 'address'

/** What whoever has too many can do about it. */
const ADVICE: Readonly<Record<Shared, string>> = {
  connections: 'keep connections alive and use them again, or close some',
  links: 'one link carries all members of a process; close some',
  streams: 'let several readers share one stream of events, ask less at a time over HTTP, or close some',
}

/** Who has how many. What nobody has any more is forgotten, so the memory is bounded by what there is. */
export class Quotas {
  /** How often there were too many, of what and of whom. */
  readonly refused = {
    connections: { address: 0 },
    links: { identity: 0 },
    streams: { identity: 0, address: 0 },
  }
  readonly #limits: QuotaLimits
  readonly #held = new Map<string, number>()

  constructor(limits: QuotaLimits) {
    assertQuotas(limits)
    this.#limits = limits
  }

  /** `undefined`: it counts as one more, until `release`. */
  take(what: Shared, by: Subject, key: string): CaucusError | undefined {
    const place = `${what} ${by} ${key}`
    const held = this.#held.get(place) ?? 0
    const name = limitName(what, by)
    if (held < this.#limits[name]) {
      this.#held.set(place, held + 1)
      return undefined
    }
    const refused: Partial<Record<Subject, number>> = this.refused[what]
    refused[by] = (refused[by] ?? 0) + 1
    return new CaucusError(
      'CAUCUS_OVERLOADED',
      `this ${by} has its limit of ${this.#limits[name]} ${what}: ${ADVICE[what]}, or raise limits.${name} of the server`,
      { details: { limit: name, value: this.#limits[name] } },
    )
  }

  /** Of what was taken, one less. */
  release(what: Shared, by: Subject, key: string): void {
    const place = `${what} ${by} ${key}`
    const held = this.#held.get(place) ?? 0
    if (held > 1) this.#held.set(place, held - 1)
    else this.#held.delete(place)
  }

  /** How many have anything. */
  get size(): number {
    return this.#held.size
  }
}

/** Those that there are: a connection has no identity yet, and a link is a connection of its address already. */
const limitName = (what: Shared, by: Subject): keyof QuotaLimits => {
  if (what === 'connections') return 'connectionsPerAddress'
  if (what === 'links') return 'linksPerIdentity'
  return by === 'identity' ? 'streamsPerIdentity' : 'streamsPerAddress'
}

const assertQuotas = (limits: QuotaLimits): void => {
  for (const what of ['connections', 'links', 'streams'] as const) {
    for (const by of ['identity', 'address'] as const) {
      const name = limitName(what, by)
      if (Number.isInteger(limits[name]) && limits[name] > 0) continue
      throw new CaucusError('CAUCUS_INVALID_CONFIG', `limits.${name} is ${limits[name]}; give a whole number above 0`)
    }
  }
}
