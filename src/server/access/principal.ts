import type { Grant, Role } from '../../config/access.ts'
import { globMatcher } from '../../config/glob.ts'
import { CaucusError } from '../../errors.ts'

/** How somebody showed who it is. */
export type Via = 'token' | 'certificate' | 'nothing'

/** Whether a member id may be used: not at all, while nobody else uses it, or in any case. */
export type Use = 'no' | 'own' | 'any'

/** What an operator may do to a member. */
export type Ordering = 'evict' | 'drain' | 'undrain' | 'pin' | 'unpin' | 'transfer'

const ORDERING: Readonly<Record<Ordering, (member: string, group: string) => string>> = {
  evict: (member, group) => `evict ${member} from the group ${group}`,
  drain: (member, group) => `drain ${member} in the group ${group}`,
  undrain: (member, group) => `give ${member} work again in the group ${group}`,
  pin: (member, group) => `pin a partition to ${member} in the group ${group}`,
  transfer: (member) => `take leadership from the voter ${member}`,
  unpin: (member, group) => `take a pin to ${member} away in the group ${group}`,
}

/** So many answers are kept; a caller that asks for made-up groups must not fill the memory. */
const MAX_KEPT = 10_000

/** Somebody, by the name that logs say, and what it may do. */
export class Principal {
  readonly name: string
  readonly via: Via
  /** A certificate and an entry of the same name are two. */
  readonly key: string
  readonly #grants: readonly CompiledGrant[]
  readonly #reaches = new Map<string, Reach>()
  readonly #onTopics = new Map<string, TopicReach>()

  constructor(name: string, via: Via, grants: readonly Grant[]) {
    this.name = name
    this.via = via
    this.key = `${via} ${name}`
    this.#grants = grants.map((grant) => compiled(grant, name))
  }

  /** What it may do in one group. */
  in(group: string): Reach {
    const known = this.#reaches.get(group)
    if (known !== undefined) return known
    const reach = new Reach(this.#grants.filter(({ groups }) => groups(group)))
    if (this.#reaches.size >= MAX_KEPT) this.#reaches.clear()
    this.#reaches.set(group, reach)
    return reach
  }

  /** What it may do on one topic. */
  on(topic: string): TopicReach {
    const known = this.#onTopics.get(topic)
    if (known !== undefined) return known
    const roles = this.#grants.filter(({ topics }) => topics(topic)).map(({ role }) => role)
    const reach = { reads: roles.length > 0, asks: roles.some((role) => role !== 'read') }
    if (this.#onTopics.size >= MAX_KEPT) this.#onTopics.clear()
    this.#onTopics.set(topic, reach)
    return reach
  }

  requireReadOn(topic: string): void {
    if (!this.on(topic).reads) throw this.#forbiddenOn(topic, 'see', 'read')
  }

  requireAskOn(topic: string): void {
    const fault = this.mayNot('ask on', topic)
    if (fault !== undefined) throw fault
  }

  /** Why it may not do that on a topic; `undefined`: it may. */
  mayNot(what: 'ask on' | 'produce on' | 'listen on', topic: string): CaucusError | undefined {
    return this.on(topic).asks ? undefined : this.#forbiddenOn(topic, what, 'member')
  }

  /** Whether it may be a member anywhere. */
  get joins(): boolean {
    return this.#grants.some(({ role }) => role !== 'read')
  }

  requireRead(group: string): void {
    if (!this.in(group).reads) throw this.#forbidden(`read the group ${quoted(group)}`, 'read', group)
  }

  /** That it may evict a member and give orders about it. `what` it is about to do goes into the refusal. */
  requireOver(group: string, member: string, what: Ordering): void {
    if (this.in(group).evicts(member)) return
    throw this.#forbidden(ORDERING[what](quoted(member), quoted(group)), 'admin', group, member)
  }

  /** That it may order something about every member there is or may be: an entry that lists members says nothing about the others. */
  requireAll(group: string, what: string): void {
    if (this.in(group).evictsAll) return
    throw new CaucusError(
      'CAUCUS_FORBIDDEN',
      `${quoted(this.name)} may not ${what} ${quoted(group)}: that takes an entry for it with the role admin that covers the group and lists no members`,
      { details: { identity: this.name, role: 'admin', group } },
    )
  }

  /** Why it may not use a member id whatever others do. */
  mayNotUse(group: string, member: string): CaucusError {
    if (!this.in(group).joins) return this.#forbidden(`be a member of the group ${quoted(group)}`, 'member', group)
    return this.#forbidden(`be the member ${quoted(member)} of the group ${quoted(group)}`, 'member', group, member)
  }

  /** Why it may not use a member id while somebody else does. Whose it is, is nobody else's business. */
  belongsToAnother(group: string, member: string): CaucusError {
    return new CaucusError(
      'CAUCUS_FORBIDDEN',
      `the member id ${quoted(member)} of the group ${quoted(group)} is in use by another identity than ${quoted(this.name)}; take another id, or have the entry of ${quoted(this.name)} list it under members`,
      { details: { identity: this.name, group, member } },
    )
  }

  mayNotLink(): CaucusError {
    return new CaucusError(
      'CAUCUS_FORBIDDEN',
      `${quoted(this.name)} may only read, and a link is for members: its entry needs the role member`,
      { details: { identity: this.name, role: 'member' } },
    )
  }

  #forbiddenOn(topic: string, what: string, role: Role): CaucusError {
    return new CaucusError(
      'CAUCUS_FORBIDDEN',
      `${quoted(this.name)} may not ${what} the topic ${quoted(topic)}: that takes an entry for it with the role ${role} that covers the topic`,
      { details: { identity: this.name, role, topic } },
    )
  }

  #forbidden(what: string, role: Role, group: string, member?: string): CaucusError {
    const covering = member === undefined ? '' : ` and, where it lists members, ${quoted(member)}`
    return new CaucusError(
      'CAUCUS_FORBIDDEN',
      `${quoted(this.name)} may not ${what}: that takes an entry for it with the role ${role} that covers the group ${quoted(group)}${covering}`,
      { details: { identity: this.name, role, group, ...(member !== undefined && { member }) } },
    )
  }
}

interface CompiledGrant {
  readonly role: Role
  readonly groups: (group: string) => boolean
  readonly topics: (topic: string) => boolean
  /** Undefined: all. */
  readonly members: ((member: string) => boolean) | undefined
}

const compiled = ({ role, groups, members, topics }: Grant, name: string): CompiledGrant => ({
  role,
  groups: groups === undefined ? () => true : anyOf(groups, name),
  topics: topics === undefined ? () => true : anyOf(topics, name),
  members: members && anyOf(members, name),
})

const anyOf = (patterns: readonly string[], name: string): ((text: string) => boolean) => {
  const matchers = patterns.map((pattern) => globMatcher(pattern, name))
  return (text) => matchers.some((matches) => matches(text))
}

/** What a principal may do on one topic. */
export interface TopicReach {
  /** It may see who is there. */
  readonly reads: boolean
  /** It may ask, produce and listen. */
  readonly asks: boolean
}

/** What a principal may do in one group. Asked with every renewal, so what does not depend on the member is decided before. */
export class Reach {
  readonly reads: boolean
  readonly #grants: readonly CompiledGrant[]
  readonly #always: Use | undefined

  constructor(grants: readonly CompiledGrant[]) {
    this.reads = grants.length > 0
    this.#grants = grants.filter(({ role }) => role !== 'read')
    if (this.#grants.some(({ role, members }) => role === 'admin' && members === undefined)) this.#always = 'any'
    else if (this.#grants.every(({ members }) => members === undefined))
      this.#always = this.#grants.length > 0 ? 'own' : 'no'
  }

  /** Whether there is any member that it may be. */
  get joins(): boolean {
    return this.#grants.length > 0
  }

  use(member: string): Use {
    if (this.#always !== undefined) return this.#always
    let use: Use = 'no'
    for (const { members } of this.#grants) {
      if (members === undefined) use = 'own'
      else if (members(member)) return 'any'
    }
    return use
  }

  evicts(member: string): boolean {
    return this.#grants.some(({ role, members }) => role === 'admin' && (members === undefined || members(member)))
  }

  /** Whether there is any member that it may evict. */
  get evictsSome(): boolean {
    return this.#grants.some(({ role }) => role === 'admin')
  }

  /** Whether it may evict every member, whatever its id. */
  get evictsAll(): boolean {
    // Of patterns, only those that every id fits fit one without any characters.
    return this.evicts('')
  }
}

/** As long as an id may be, and no longer. */
const quoted = (name: string): string => JSON.stringify(name.length > 256 ? `${name.slice(0, 256)}…` : name)
