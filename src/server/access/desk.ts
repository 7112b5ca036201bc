import type { IncomingMessage } from 'node:http'
import type { QuotaLimits, RateLimits } from '../../config/rates.ts'
import type { Instant } from '../../core/time.ts'
import { CaucusError, isCaucusError } from '../../errors.ts'
import type { CoordinatorHosting } from '../../ports/hosting.ts'
import type { Access } from './access.ts'
import { Audit, type AuditSink } from './audit.ts'
import { type Caller, Callers, isVouchedFor } from './caller.ts'
import { decodeForwarded, FORWARDED_HEADER } from './forwarded.ts'
import { type Gate, LinkGate } from './link-gate.ts'
import { Ownership } from './ownership.ts'
import type { Principal } from './principal.ts'
import { Quotas } from './quotas.ts'
import { type Kind, Rates } from './rates.ts'
import { mayBeOneOf, VOTERS_GROUP } from './voters.ts'

export interface DeskOptions {
  readonly access: Access
  readonly hosting: CoordinatorHosting
  readonly limits: RateLimits & QuotaLimits
  /** Nobody gets here without a certificate of the server's authority. */
  readonly withCertificates: boolean
  /** The other voters, on the server of one: what they pass on, they ask for somebody else. */
  voters?(): readonly string[]
  /** Where lines of the audit log go. */
  readonly write: AuditSink
  now(): Instant
  wallMs(): number
}

const CALLER = Symbol('caller')
/** On the request and not on its connection, on which the next one may have arrived before this one is answered. */
type Asked = IncomingMessage & { [CALLER]?: Caller }

/** Where every request has to say who it is, and is asked what it may do. */
export class Desk {
  readonly access: Access
  readonly ownership: Ownership
  readonly rates: Rates
  readonly quotas: Quotas
  readonly audit: Audit
  readonly counts = { messagesForbidden: 0, linksRevoked: 0, streamsRevoked: 0, forwardsForbidden: 0 }
  readonly #callers: Callers
  readonly #options: DeskOptions

  constructor(options: DeskOptions) {
    const { access, hosting, limits, withCertificates, write } = options
    const now = () => options.now()
    this.#options = options
    this.access = access
    this.audit = new Audit({ write, now, wallMs: () => options.wallMs() })
    this.ownership = new Ownership({
      hosting,
      audit: this.audit,
      now,
      isKnown: (principal) => access.isKnown(principal),
    })
    this.rates = new Rates(limits, now)
    this.quotas = new Quotas(limits)
    this.#callers = new Callers(access, withCertificates)
  }

  /** Finds out who asks, unless it asks too much. `undefined`: `callerOf` has it now. */
  identify(request: IncomingMessage): CaucusError | undefined {
    const { kind, cost } = priceOf(request)
    const isForwarded = this.isForwarded(request)
    // Before anything is looked up: whoever guesses tokens pays for each.
    const flood = isForwarded && this.#isKnownVoter(request) ? undefined : this.#takeOf(request, kind, cost)
    if (flood !== undefined) return flood
    const caller = isForAll(request.url) ? this.#callers.strangerOf(request) : this.#callers.callerOf(request)
    if (isCaucusError(caller)) return caller
    ;(request as Asked)[CALLER] = caller
    return isForwarded ? this.#identifyAsker(request, caller) : this.rates.takeOf(caller.principal, kind, cost)
  }

  /** Whether somebody says that it passes this on for another one. What everybody may ask is asked of each peer itself. */
  isForwarded({ headers, url }: IncomingMessage): boolean {
    return this.#options.voters !== undefined && headers[FORWARDED_HEADER] !== undefined && !isForAll(url)
  }

  #takeOf(request: IncomingMessage, kind: Kind, cost: number): CaucusError | undefined {
    return this.rates.take(kind, 'address', this.#callers.addressOf(request).network, cost)
  }

  /** Then its clients pay, each for itself. */
  #isKnownVoter(request: IncomingMessage): boolean {
    const known = this.#callers.knownOf(request)
    return known !== undefined && this.#isVoter(known.principal) && isVouchedFor(known.principal, this.access)
  }

  #isVoter(principal: Principal): boolean {
    return mayBeOneOf(this.#options.voters?.() ?? [], principal)
  }

  /** From here on the caller is whoever asked the peer that has passed this on. */
  #identifyAsker(request: IncomingMessage, by: Caller): CaucusError | undefined {
    if (!this.#isVoter(by.principal)) {
      this.counts.forwardsForbidden++
      return new CaucusError(
        'CAUCUS_FORBIDDEN',
        `${JSON.stringify(by.principal.name)} may not ask for others: only a voter sends ${FORWARDED_HEADER}, and that takes an entry with the role admin that covers the group ${VOTERS_GROUP}`,
        { details: { identity: by.principal.name } },
      )
    }
    const forwarded = decodeForwarded(request)
    if (typeof forwarded === 'string') {
      this.counts.forwardsForbidden++
      return new CaucusError(
        'CAUCUS_PROTOCOL',
        `the header ${FORWARDED_HEADER} ${forwarded}; is it from a caucus peer?`,
      )
    }
    const asker = this.#callers.forwardedOf(by, forwarded)
    if (isCaucusError(asker)) return asker
    ;(request as Asked)[CALLER] = asker
    const { kind, cost } = priceOf(request)
    const { principal, from, through } = asker
    const flood = through === undefined ? undefined : this.rates.take(kind, 'address', from.network, cost)
    return flood ?? this.rates.takeOf(principal, kind, cost)
  }

  /** Under which its address is counted. */
  networkOf(request: IncomingMessage): string {
    return ((request as Asked)[CALLER]?.from ?? this.#callers.addressOf(request)).network
  }

  callerOf(request: IncomingMessage): Caller {
    const caller = (request as Asked)[CALLER]
    if (caller !== undefined) return caller
    throw new CaucusError('CAUCUS_UNAUTHORIZED', 'nobody has asked who this is')
  }

  /** Notes that somebody was refused, where that says something about what it may do. */
  refused(request: IncomingMessage, error: CaucusError): void {
    if (error.code !== 'CAUCUS_FORBIDDEN' && error.code !== 'CAUCUS_UNAUTHORIZED') return
    const { method = '', url = '' } = request
    const who = (request as Asked)[CALLER] ?? this.#callers.addressOf(request)
    // Without the query, in which somebody may have sent a token though nobody reads it there.
    this.audit.refused(who, `${method} ${url.split('?')[0]?.slice(0, 300)}`, error)
  }

  /** Notes every change of the entries and calls `review`, which gives how many links it had to close. Gives the function that ends it. */
  watch(review: () => number): () => void {
    const { access, audit, counts } = this
    const changed = access.onChange(() => {
      audit.record({ action: 'reload', outcome: 'done', message: `${access.size} entries are in force` })
      counts.linksRevoked += review()
    })
    const failed = access.onFailure((message) => audit.record({ action: 'reload', outcome: 'failed', message }))
    return () => {
      changed()
      failed()
    }
  }

  /** Counts so many messages about topics that a request makes. `undefined`: go on. */
  charge(request: IncomingMessage, cost: number): CaucusError | undefined {
    const { principal, from } = this.callerOf(request)
    return this.rates.take('asks', 'address', from.network, cost) ?? this.rates.takeOf(principal, 'asks', cost)
  }

  /** Why this caller may not have a link at all. */
  linkFault(request: IncomingMessage): CaucusError | undefined {
    const { principal } = this.callerOf(request)
    return principal.joins ? undefined : principal.mayNotLink()
  }

  /** Counts one more link or stream of this caller; gives the function that ends it, or why there may not be another one. */
  hold(what: 'links' | 'streams', request: IncomingMessage): CaucusError | (() => void) {
    const { principal, from } = this.callerOf(request)
    const held: (() => void)[] = []
    const release = () => {
      for (const each of held.splice(0)) each()
    }
    const take = (by: 'identity' | 'address', key: string): CaucusError | undefined => {
      const fault = this.quotas.take(what, by, key)
      if (fault === undefined) held.push(() => this.quotas.release(what, by, key))
      else release()
      return fault
    }
    // Those who need not say who they are have no share of their own. A link is a connection of its address, and counted as one.
    const { via, key } = principal
    const fault =
      (via === 'nothing' ? undefined : take('identity', key)) ??
      (what === 'streams' ? take('address', from.network) : undefined)
    return fault ?? release
  }

  /** What the link may say that this request has become. */
  gateFor(request: IncomingMessage): Gate {
    const { ownership, rates, audit, counts } = this
    const now = () => this.#options.now()
    const principalNow = (caller: Caller) => this.principalNow(caller)
    this.#callers.forget(request)
    return new LinkGate(this.callerOf(request), { principalNow, ownership, rates, audit, counts, now })
  }

  /** Who that is after the entries have changed; `undefined`: nobody, or somebody in whose name nobody may ask any more. */
  principalNow({ shown, by }: Caller): Principal | undefined {
    if (by !== undefined) {
      const passedOnBy = this.access.principalOf(by)
      if (passedOnBy === undefined || !this.#isVoter(passedOnBy)) return undefined
    }
    return this.access.principalOf(shown)
  }
}

/** What says nothing about anybody; the page is empty until somebody gives it a token. */
export const isForAll = (url = ''): boolean => {
  const [path = ''] = url.split('?', 1)
  return FOR_ALL.has(path) || ASSET.test(path)
}

const FOR_ALL = new Set(['/healthz', '/readyz', '/'])
/** A file of the page: one name, in which nothing can be written in another way. */
const ASSET = /^\/assets\/[\w.-]+$/

const ONE_RENEWAL = { kind: 'renewals', cost: 1 } as const
const ONE_REQUEST = { kind: 'requests', cost: 1 } as const
const PICTURE = { kind: 'requests', cost: 10 } as const

/** What a request costs, as far as its first line tells. */
const priceOf = ({ method, url = '' }: IncomingMessage): { readonly kind: Kind; readonly cost: number } => {
  if (method === 'PUT' || method === 'DELETE' || url.startsWith('/index')) return ONE_RENEWAL
  const path = pathOf(url)
  // A history has up to ten thousand events, and to watch a topic is to look at all asks once.
  return PICTURES.has(path) || path.endsWith('/history') || path.endsWith('/asks') ? PICTURE : ONE_REQUEST
}

const PICTURES = new Set(['/metrics', '/v1/status', '/v1/overview', '/v1/groups', '/v1/services', '/v1/topics'])

/** As the router reads it: written in another way, a path must not cost less. */
const pathOf = (url: string): string => {
  const [path = ''] = url.replace(/^https?:\/\/.*?\//, '/').split(/[?#]/, 1)
  if (!path.includes('%')) return path
  try {
    return decodeURI(path)
  } catch {
    // No route has it.
    return path
  }
}
