import type { Instant } from '../../core/time.ts'
import type { CaucusError } from '../../errors.ts'
import type { Address, Caller } from './caller.ts'
import { RateLimit } from './rate-limit.ts'

/** One thing that somebody did to others, or tried to: a line of the audit log. It never has a token in it. */
export interface AuditEntry {
  /** `evict`: of a member. `takeover`, `leave`: of a member that another identity had introduced. `reload`: of the entries. */
  readonly action: 'evict' | 'takeover' | 'leave' | 'reload' | 'refuse'
  /** The name of the entry or of the certificate; absent where nobody was found out. */
  readonly identity?: string
  readonly via?: 'token' | 'certificate' | 'nothing'
  /** The address that it came from. */
  readonly from?: string
  readonly group?: string
  readonly member?: string
  /** The request, without its query. */
  readonly request?: string
  readonly outcome: 'done' | 'refused' | 'not found' | 'failed'
  readonly code?: string
  readonly message?: string
  /** How many refusals of this one were not told since the last line about it. */
  readonly untold?: number
}

export type AuditSink = (entry: AuditEntry & { readonly time: string }) => void

export interface AuditOptions {
  readonly write: AuditSink
  now(): Instant
  wallMs(): number
}

/** Refusals of one caller: the first ones, and then one now and then, so that a flood of them is no flood of lines. */
const REFUSALS = { perSecond: 0.1, burst: 10, maxKeys: 10_000 }
/** And of all callers together. */
const ALL_REFUSALS = { perSecond: 20, burst: 1_000 }

/** Writes what operators, and those who would be, have done. */
export class Audit {
  lines = 0
  readonly #options: AuditOptions
  readonly #refusals: RateLimit
  readonly #allRefusals: RateLimit
  readonly #untold = new Map<string, number>()

  constructor(options: AuditOptions) {
    this.#options = options
    const now = () => options.now()
    this.#refusals = new RateLimit({ ...REFUSALS, now })
    this.#allRefusals = new RateLimit({ ...ALL_REFUSALS, now })
  }

  record(entry: AuditEntry): void {
    this.lines++
    this.#options.write({ time: new Date(this.#options.wallMs()).toISOString(), ...entry })
  }

  /** By somebody, to a member. */
  did(
    action: 'evict' | 'takeover' | 'leave',
    caller: Caller,
    group: string,
    member: string,
    outcome: AuditEntry['outcome'],
  ): void {
    this.record({ action, ...whoOf(caller), group, member, outcome })
  }

  refused(who: Caller | Address, request: string, { code, message }: CaucusError): void {
    const named = whoOf(who)
    // By its network: a customer of IPv6 has more addresses than there are lines.
    const { network } = 'network' in who ? who : who.from
    const key = `${network} ${named.identity ?? ''}`
    if (this.#refusals.take(key) > 0 || this.#allRefusals.take('all') > 0) {
      // Who comes when so many are counted already is counted with all others.
      const place = this.#untold.has(key) || this.#untold.size < REFUSALS.maxKeys ? key : ''
      this.#untold.set(place, (this.#untold.get(place) ?? 0) + 1)
      return
    }
    const untold = this.#untold.get(key)
    this.#untold.delete(key)
    this.record({
      action: 'refuse',
      ...named,
      request,
      outcome: 'refused',
      code,
      message,
      ...(untold !== undefined && { untold }),
    })
  }
}

const whoOf = (who: Caller | Address): { identity?: string; via?: Caller['principal']['via']; from: string } =>
  'address' in who
    ? { from: who.address }
    : { identity: who.principal.name, via: who.principal.via, from: who.from.address }
