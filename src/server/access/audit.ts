import type { Order } from '../../core/group/orders.ts'
import type { Instant } from '../../core/time.ts'
import type { CaucusError } from '../../errors.ts'
import type { Address, Caller } from './caller.ts'
import { Ration, type Rationing } from './ration.ts'

/** One thing that somebody did to others, or tried to: a line of the audit log. It never has a token in it. */
export interface AuditEntry {
  /**
   * `evict`: of a member. `takeover`, `leave`: of a member that another identity had introduced. `reload`: of the entries. `transfer`: of the
   * leadership of a cluster, to `member`. The others are orders about a group.
   */
  readonly action: 'evict' | 'takeover' | 'leave' | 'reload' | 'refuse' | 'transfer' | Order['type']
  /** The name of the entry or of the certificate; absent where nobody was found out. */
  readonly identity?: string
  readonly via?: 'token' | 'certificate' | 'nothing'
  /** The address that it came from. */
  readonly from?: string
  /** The address of the peer that has passed it on, which is who says the two. */
  readonly through?: string
  readonly group?: string
  readonly member?: string
  readonly partition?: number
  /** The request, without its query. */
  readonly request?: string
  readonly outcome: 'done' | 'refused' | 'not found' | 'failed'
  readonly code?: string
  readonly message?: string
  /** How many such lines about this one were left out since the last one. */
  readonly untold?: number
}

/** Takes one line of the audit log, with its time in ISO 8601. It must not throw. */
export type AuditSink = (entry: AuditEntry & { readonly time: string }) => void

export interface AuditOptions {
  readonly write: AuditSink
  now(): Instant
  wallMs(): number
}

/** Refusals of one caller: the first ones, and then one now and then, so that a flood of them is no flood of lines. */
const REFUSALS: Rationing = { perSecond: 0.1, burst: 10, maxKeys: 10_000, all: { perSecond: 20, burst: 1_000 } }
/** What somebody did is worth a line, unless it is done over and over again to fill the disk. */
const DEEDS: Rationing = { perSecond: 1, burst: 5_000, maxKeys: 10_000, all: { perSecond: 20, burst: 50_000 } }

/** Writes what operators, and those who would be, have done. */
export class Audit {
  lines = 0
  /** Done, whether there is a line about it or not. */
  evictions = 0
  readonly #options: AuditOptions
  readonly #refusals: Ration
  readonly #deeds: Ration

  constructor(options: AuditOptions) {
    this.#options = options
    const now = () => options.now()
    this.#refusals = new Ration(REFUSALS, now)
    this.#deeds = new Ration(DEEDS, now)
  }

  /** How many lines were left out so far. */
  get untold(): number {
    return this.#refusals.total + this.#deeds.total
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
    if (action === 'evict' && outcome === 'done') this.evictions++
    // Each by itself: a flood of the one must not hide the other.
    const ration = this.#deeds.take(`${action} ${keyOf(caller)}`)
    if (ration !== undefined) this.record({ action, ...whoOf(caller), group, member, outcome, ...ration })
  }

  /** By an operator, about a group. */
  ordered(caller: Caller, group: string, order: Order, outcome: Pick<AuditEntry, 'outcome' | 'code'>): void {
    const { type: action, ...about } = order
    const ration = this.#deeds.take(`order ${keyOf(caller)}`)
    if (ration !== undefined) this.record({ action, ...whoOf(caller), group, ...about, ...outcome, ...ration })
  }

  /** By an operator, about who leads. */
  transferred(caller: Caller, to: string | undefined, outcome: Pick<AuditEntry, 'outcome' | 'code'>): void {
    const ration = this.#deeds.take(`transfer ${keyOf(caller)}`)
    const whom = to === undefined ? {} : { member: to }
    if (ration !== undefined) this.record({ action: 'transfer', ...whoOf(caller), ...whom, ...outcome, ...ration })
  }

  refused(who: Caller | Address, request: string, { code, message }: CaucusError): void {
    const ration = this.#refusals.take(keyOf(who))
    if (ration === undefined) return
    this.record({ action: 'refuse', ...whoOf(who), request, outcome: 'refused', code, message, ...ration })
  }
}

/** By its network: a customer of IPv6 has more addresses than there are lines. */
const keyOf = (who: Caller | Address): string =>
  'network' in who ? `${who.network} ` : `${who.from.network} ${who.principal.name}`

const whoOf = (who: Caller | Address): Pick<AuditEntry, 'identity' | 'via' | 'through'> & { readonly from: string } => {
  if ('address' in who) return { from: who.address }
  const { principal, from, through } = who
  const told = through === undefined ? {} : { through }
  return { identity: principal.name, via: principal.via, from: from.address, ...told }
}
