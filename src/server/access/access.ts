import { createHash, timingSafeEqual } from 'node:crypto'
import { type AccessRule, type Grant, ruleOfToken } from '../../config/access.ts'
import { tokenFault } from '../../config/token.ts'
import { CaucusError } from '../../errors.ts'
import { nameMatcher } from './certificate.ts'
import { Principal } from './principal.ts'

/** What a connection showed, as far as it is kept: of a token never more than its hash. */
export type Shown =
  | { readonly via: 'token'; readonly hash: Buffer }
  | { readonly via: 'certificate'; readonly names: readonly string[] }
  | { readonly via: 'nothing' }

interface Holder {
  readonly hash: Buffer
  readonly principal: Principal
}

const ALL: readonly Grant[] = [{ role: 'admin' }]
const ANYBODY = new Principal('anybody', 'nothing', ALL)
const NO_HASH = Buffer.alloc(32)
const MAX_CERTIFICATES = 10_000

/** Who may do what on a server. Replaced as a whole, while it runs. */
export class Access {
  /** Rises with every change. */
  version = 0
  /** How often new entries could not be taken. */
  failures = 0
  #holders: ReadonlyMap<string, Holder> = new Map()
  #names: ReadonlySet<string> = new Set()
  #certificates: readonly { readonly fits: (name: string) => boolean; readonly grant: Grant }[] = []
  #open = true
  /** By name. Each is asked for with every request of its connection. */
  readonly #known = new Map<string, Principal | undefined>()
  readonly #listeners = new Set<() => void>()
  readonly #failureListeners = new Set<(problem: string) => void>()

  /** Without rules everybody may do everything who can reach the server. Throws `CAUCUS_INVALID_CONFIG`. */
  constructor(rules: readonly AccessRule[] = []) {
    this.#take(rules)
  }

  /** Tokens that may do everything, as `listen({ token })` takes them. */
  static ofTokens(tokens: readonly string[]): Access {
    return new Access(tokens.map((token, index) => ruleOfToken(token, `token-${index + 1}`)))
  }

  /** From now on these, for connections too that were taken under others. An empty list would open the server, and is refused. */
  replace(rules: readonly AccessRule[]): void {
    if (rules.length === 0)
      throw new CaucusError('CAUCUS_INVALID_CONFIG', 'to replace all entries by none would open this server')
    this.#take(rules)
    this.version++
    for (const changed of this.#listeners) changed()
  }

  /** Says that there are new entries which cannot be taken; those in force stay. */
  failed(problem: string): void {
    this.failures++
    for (const failed of this.#failureListeners) failed(problem)
  }

  /** Called after every change, until the function that it gives is called. */
  onChange(changed: () => void): () => void {
    this.#listeners.add(changed)
    return () => void this.#listeners.delete(changed)
  }

  /** Called with every `failed`, until the function that it gives is called. */
  onFailure(failed: (problem: string) => void): () => void {
    this.#failureListeners.add(failed)
    return () => void this.#failureListeners.delete(failed)
  }

  /** True while nobody has to show anything. */
  get open(): boolean {
    return this.#open
  }

  /** True when certificates are told apart. */
  get namesCertificates(): boolean {
    return this.#certificates.length > 0
  }

  get size(): number {
    return this.#holders.size + this.#certificates.length
  }

  #take(rules: readonly AccessRule[]): void {
    const grants = new Map<string, { name: string; type: string; grants: Grant[] }>()
    const certificates: { fits: (name: string) => boolean; grant: Grant }[] = []
    for (const { name, credential, grant } of rules) {
      if (credential.type === 'certificate') {
        certificates.push({ fits: nameMatcher(credential.pattern), grant })
        continue
      }
      if (credential.type === 'token') assertToken(credential.token)
      const hash = credential.type === 'token' ? hashOf(credential.token).toString('hex') : credential.sha256
      const { type } = credential
      const entry = grants.get(hash) ?? { name: name ?? 'token', type, grants: [] }
      // Of one type the reader of the entries has found out, and said where.
      if (entry.type !== type && entry.name !== name) throw twoNames(entry.name, name)
      entry.grants.push(grant)
      grants.set(hash, entry)
    }
    this.#holders = new Map(
      [...grants].map(([hash, { name, grants }]) => [
        hash,
        { hash: Buffer.from(hash, 'hex'), principal: new Principal(name, 'token', grants) },
      ]),
    )
    this.#names = new Set([...grants.values()].map(({ name }) => name))
    this.#certificates = certificates
    this.#open = rules.length === 0
    this.#known.clear()
  }

  /** Whether an entry names this one, by whatever token or certificate. */
  isKnown({ via, name }: Principal): boolean {
    if (via === 'certificate') return this.#ofCertificate(name) !== undefined
    return via === 'nothing' ? this.#open : this.#names.has(name)
  }

  /** Who has shown this now; `undefined`: nobody whom an entry names. */
  principalOf(shown: Shown): Principal | undefined {
    switch (shown.via) {
      case 'token':
        return this.#holderOf(shown.hash)
      case 'certificate':
        return this.#nameOf(shown.names)
      case 'nothing':
        return this.#open ? ANYBODY : undefined
    }
  }

  /**
   * Found by its hash, of which whoever guesses cannot choose a single digit, so that neither the number of tokens nor how nearly right a guess
   * was shows in how long this takes.
   */
  #holderOf(hash: Buffer): Principal | undefined {
    if (this.#open) return ANYBODY
    const holder = this.#holders.get(hash.toString('hex'))
    const right = timingSafeEqual(hash, holder?.hash ?? NO_HASH)
    return right ? holder?.principal : undefined
  }

  /** The first name that an entry names. Where no entry is there at all, the authority's word is enough. */
  #nameOf(names: readonly string[]): Principal | undefined {
    for (const name of names) {
      const principal = this.#ofCertificate(name)
      if (principal !== undefined) return principal
    }
    return this.#open ? ANYBODY : undefined
  }

  #ofCertificate(name: string): Principal | undefined {
    if (this.#known.has(name)) return this.#known.get(name)
    const grants = this.#open ? ALL : this.#certificates.filter(({ fits }) => fits(name)).map(({ grant }) => grant)
    const principal = grants.length === 0 ? undefined : new Principal(name, 'certificate', grants)
    if (this.#known.size >= MAX_CERTIFICATES) this.#known.clear()
    this.#known.set(name, principal)
    return principal
  }
}

const twoNames = (one: string, other = ''): CaucusError =>
  new CaucusError(
    'CAUCUS_INVALID_CONFIG',
    `the entries ${JSON.stringify(one)} and ${JSON.stringify(other)} have one token, once as token and once as sha256; give both one name, or one of them another token`,
  )

export const hashOf = (token: string): Buffer => createHash('sha256').update(token, 'latin1').digest()

const assertToken = (token: string): void => {
  const fault = tokenFault(token)
  if (fault === undefined) return
  throw new CaucusError('CAUCUS_INVALID_CONFIG', `a token ${fault}; make one with: openssl rand -hex 32`)
}
