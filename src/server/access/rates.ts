import { DEFAULT_RATES, type RateLimits } from '../../config/rates.ts'
import type { Instant } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import type { Principal } from './principal.ts'
import { RateLimit } from './rate-limit.ts'

/** What is counted apart: one cannot use up the other. */
export type Kind = 'requests' | 'renewals' | 'asks'
type Subject = 'identity' | 'address'

/** How much each identity and each address has asked of this server lately. */
export class Rates {
  /** How often it was too much, by what and of whom. */
  readonly limited: Record<Kind, Record<Subject, number>> = {
    requests: { identity: 0, address: 0 },
    renewals: { identity: 0, address: 0 },
    asks: { identity: 0, address: 0 },
  }
  readonly #limits: Record<Kind, Record<Subject, RateLimit>>

  constructor(rates: RateLimits, now: () => Instant) {
    assertRates(rates)
    const { requestsPerSecond, requestsBurst, renewalsPerSecond, renewalsBurst, asksPerSecond, asksBurst } = rates
    const pair = (perSecond: number, burst: number) => ({
      identity: new RateLimit({ perSecond, burst, now }),
      address: new RateLimit({ perSecond, burst, now }),
    })
    this.#limits = {
      requests: pair(requestsPerSecond, requestsBurst),
      renewals: pair(renewalsPerSecond, renewalsBurst),
      asks: pair(asksPerSecond, asksBurst),
    }
  }

  /** Those who need not say who they are have no share of their own. */
  takeOf({ via, key }: Principal, kind: Kind, cost: number): CaucusError | undefined {
    return via === 'nothing' ? undefined : this.take(kind, 'identity', key, cost)
  }

  /** `undefined`: go on. */
  take(kind: Kind, subject: Subject, key: string, cost: number): CaucusError | undefined {
    const waitMs = this.#limits[kind][subject].take(key, cost)
    if (waitMs === 0) return undefined
    this.limited[kind][subject]++
    return new CaucusError(
      'CAUCUS_OVERLOADED',
      `too many ${kind} from this ${subject}; slow down and try again in ${waitMs} ms`,
      { details: { retryAfterMs: waitMs } },
    )
  }
}

const assertRates = (rates: RateLimits): void => {
  for (const name of Object.keys(DEFAULT_RATES) as (keyof RateLimits)[]) {
    const rate = rates[name]
    if (Number.isFinite(rate) && rate > 0) continue
    throw new CaucusError('CAUCUS_INVALID_CONFIG', `limits.${name} is ${rate}; give a number above 0`)
  }
}

/** Under which an address is counted: of IPv6 its network of 64 bits, which one customer has for itself alone. */
export const networkOf = (address: string): string => {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  if (!address.includes(':')) return address
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length)
  const all = [...before, ...Array.from({ length: zeros }, () => '0'), ...after]
  return `${all
    .slice(0, 4)
    .map((part) => part.replace(/^0+(?=.)/, '').toLowerCase())
    .join(':')}::/64`
}
