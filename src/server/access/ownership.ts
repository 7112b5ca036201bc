import type { Instant, Millis } from '../../core/time.ts'
import type { CaucusError } from '../../errors.ts'
import type { CoordinatorHosting } from '../../ports/hosting.ts'
import type { Audit } from './audit.ts'
import type { Caller } from './caller.ts'
import type { Principal } from './principal.ts'
import { RateLimit } from './rate-limit.ts'

export interface OwnershipOptions {
  readonly hosting: Pick<CoordinatorHosting, 'viewOf'>
  /** Whether an entry still names this identity. */
  isKnown(principal: Principal): boolean
  readonly audit: Audit
  now(): Instant
}

/** A look at a large group takes a while, and who is refused for it could ask for the next one at once. */
const LOOKS_PER_SECOND = 20
const FEW_CLAIMS = 10_000
const LOOK_LASTS_MS: Millis = 1_000

interface Owner {
  /** Who introduced the member. */
  readonly principal: Principal
  /** The last look at the group when the member was last heard of. */
  heardIn: number
}

interface Claims {
  /** Whose each member is. Some of them are gone. */
  readonly owners: Map<string, Owner>
  alive: ReadonlySet<string>
  lookedAt: Instant
  looks: number
}

/**
 * Which identity introduced which member. Nobody else may renew it, take its place or let go for it while it is there, unless its
 * entry lists the member's id.
 */
export class Ownership {
  readonly #options: OwnershipOptions
  readonly #groups = new Map<string, Claims>()
  readonly #looks: RateLimit
  #size = 0
  #pruneAt = FEW_CLAIMS

  constructor(options: OwnershipOptions) {
    this.#options = options
    this.#looks = new RateLimit({ perSecond: LOOKS_PER_SECOND, burst: LOOKS_PER_SECOND, now: () => options.now() })
  }

  get size(): number {
    return this.#size
  }

  /** Nobody owns anything: what was introduced here is looked after by somebody else from now on. */
  forget(): void {
    this.#groups.clear()
    this.#size = 0
  }

  /** Why this one may not renew the member or join under its id; `undefined`: it may, and the id is its own from now on. */
  use(caller: Caller, group: string, member: string): CaucusError | undefined {
    const { principal } = caller
    // The only one there is.
    if (principal.via === 'nothing') return undefined
    const use = principal.in(group).use(member)
    if (use === 'no') return principal.mayNotUse(group, member)
    const claims = this.#groups.get(group)
    const owner = claims?.owners.get(member)
    if (claims !== undefined && owner?.principal.key === principal.key) {
      owner.heardIn = claims.looks
      return undefined
    }
    if (claims !== undefined && owner !== undefined && this.#isHeld(claims, owner, group, member)) {
      if (use !== 'any') return principal.belongsToAnother(group, member)
      this.#options.audit.did('takeover', caller, group, member, 'done')
    }
    this.#claim(group, member, principal)
    return undefined
  }

  /** Why this one may not say that the member has let go. Whoever introduced it always may. */
  leave(caller: Caller, group: string, member: string): CaucusError | undefined {
    const { principal } = caller
    if (principal.via === 'nothing') return undefined
    const claims = this.#groups.get(group)
    const owner = claims?.owners.get(member)
    if (owner?.principal.key === principal.key) return undefined
    const use = principal.in(group).use(member)
    if (use === 'no') return principal.mayNotUse(group, member)
    if (claims === undefined || owner === undefined || !this.#isHeld(claims, owner, group, member)) return undefined
    if (use !== 'any') return principal.belongsToAnother(group, member)
    this.#options.audit.did('leave', caller, group, member, 'done')
    return undefined
  }

  #claim(group: string, member: string, principal: Principal): void {
    if (this.#size >= this.#pruneAt) {
      this.#pruneAt = Number.POSITIVE_INFINITY
      // Not at once: the members of the frame that is being looked at are not there yet, and would be forgotten.
      queueMicrotask(() => this.#prune())
    }
    const claims = this.#groups.get(group) ?? {
      owners: new Map(),
      alive: new Set(),
      lookedAt: Number.NEGATIVE_INFINITY,
      looks: 0,
    }
    this.#groups.set(group, claims)
    if (!claims.owners.has(member)) this.#size++
    claims.owners.set(member, { principal, heardIn: claims.looks })
  }

  /** An identity that no entry names any more owns nothing: under another name the same members go on, and nobody else had a right to them. */
  #isHeld(claims: Claims, owner: Owner, group: string, member: string): boolean {
    return this.#options.isKnown(owner.principal) && this.#lives(claims, owner, group, member)
  }

  /** Who was heard of since the last look is taken to be there: what that look saw was before. */
  #lives(claims: Claims, owner: Owner, group: string, member: string): boolean {
    const now = this.#options.now()
    if (now - claims.lookedAt >= LOOK_LASTS_MS || this.#looks.take(group) === 0) {
      claims.alive = this.#membersOf(group)
      claims.lookedAt = now
      claims.looks++
    }
    return owner.heardIn === claims.looks || claims.alive.has(member)
  }

  #membersOf(group: string): ReadonlySet<string> {
    return new Set(this.#options.hosting.viewOf(group)?.members.map(({ id }) => id))
  }

  /** Forgets who is gone; next when there are twice as many again, so that each claim pays for a bounded part of it. */
  #prune(): void {
    this.#size = 0
    for (const [group, claims] of this.#groups) {
      const alive = this.#membersOf(group)
      for (const member of claims.owners.keys()) if (!alive.has(member)) claims.owners.delete(member)
      this.#size += claims.owners.size
      if (claims.owners.size === 0) this.#groups.delete(group)
    }
    this.#pruneAt = Math.max(FEW_CLAIMS, 2 * this.#size)
  }
}
