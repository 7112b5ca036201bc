import { idFault } from '../core/ids.ts'
import { type AccessRule, type Credential, type Grant, ROLES, type Role, ruleOfToken } from './access.ts'
import { patternFault } from './glob.ts'
import { kindOf as kindOfAny } from './kind.ts'
import { didYouMean } from './nearest.ts'
import { tokenFault } from './token.ts'

const MAX_RULES = 10_000
const MAX_PATTERNS = 100
const KEYS = ['name', 'token', 'sha256', 'identity', 'role', 'groups', 'members', 'topics']
const FORM = 'a token, or an object with role and one of token, sha256 and identity'

type Json = Readonly<Record<string, unknown>>

/** A number may be a token without its quotes. */
const kindOf = (value: unknown): string => (typeof value === 'number' ? 'a number' : kindOfAny(value))

/** The rules that a JSON value lists. What is wrong with them is added to `faults`, each with its place and never with a token. */
export const readAccess = (value: unknown, path: string, faults: string[]): readonly AccessRule[] => {
  if (!Array.isArray(value) || value.length === 0) {
    faults.push(`${path} must be an array of tokens, not ${kindOf(value)}`)
    return []
  }
  if (value.length > MAX_RULES) {
    faults.push(`${path} has ${value.length} entries; at most ${MAX_RULES}`)
    return []
  }
  const rules = value.flatMap((each: unknown, index) => {
    const rule = new RuleReader(`${path}[${index}]`, faults).rule(each, `token-${index + 1}`)
    return rule === undefined ? [] : [[index, rule] as const]
  })
  for (const fault of namesFaults(rules)) faults.push(`${path}${fault}`)
  return rules.map(([, rule]) => rule)
}

/** One token under two names would be two people, and which of them acts would be chance. */
const namesFaults = (rules: readonly (readonly [number, AccessRule])[]): string[] => {
  const names = new Map<string, string | undefined>()
  return rules.flatMap(([index, { name, credential }]) => {
    if (credential.type === 'certificate') return []
    const secret = credential.type === 'token' ? `token ${credential.token}` : `sha256 ${credential.sha256}`
    if (names.has(secret) && names.get(secret) !== name) {
      return [`[${index}] has the token of an earlier entry, but another name`]
    }
    names.set(secret, name)
    return []
  })
}

/** Reads one entry. */
class RuleReader {
  readonly #path: string
  readonly #faults: string[]

  constructor(path: string, faults: string[]) {
    this.#path = path
    this.#faults = faults
  }

  rule(value: unknown, name: string): AccessRule | undefined {
    if (typeof value === 'string') {
      const token = this.#token(value, '')
      return token === undefined ? undefined : ruleOfToken(token, name)
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return this.#fault('', `must be ${FORM}, not ${kindOf(value)}`)
    }
    const given = value as Json
    for (const key of Object.keys(given)) {
      if (!KEYS.includes(key)) this.#fault('', `has ${unknownKey(key)}`)
    }
    const credential = this.#credential(given)
    const named = this.#name(given)
    const grant = this.#grant(given)
    return credential === undefined || grant === undefined ? undefined : { name: named, credential, grant }
  }

  #fault(key: string, rule: string): undefined {
    this.#faults.push(`${this.#path}${key === '' ? '' : `.${key}`} ${rule}`)
    return undefined
  }

  #credential(given: Json): Credential | undefined {
    const said = ['token', 'sha256', 'identity'].filter((key) => Object.hasOwn(given, key))
    if (said.length !== 1) {
      return this.#fault(
        '',
        `has ${said.length === 0 ? 'none' : said.join(' and ')} of token, sha256 and identity; give one`,
      )
    }
    const { token, sha256, identity } = given
    switch (said[0]) {
      case 'token': {
        const sound = this.#token(token, 'token')
        return sound === undefined ? undefined : { type: 'token', token: sound }
      }
      case 'sha256':
        if (typeof sha256 === 'string' && /^[0-9a-f]{64}$/i.test(sha256))
          return { type: 'sha256', sha256: sha256.toLowerCase() }
        return this.#fault('sha256', 'must be 64 hexadecimal digits: printf %s TOKEN | sha256sum')
      default: {
        const pattern = this.#pattern(identity, 'identity')
        return pattern === undefined ? undefined : { type: 'certificate', pattern }
      }
    }
  }

  #token(value: unknown, key: string): string | undefined {
    if (typeof value !== 'string') return this.#fault(key, `must be a string, not ${kindOf(value)}`)
    const fault = tokenFault(value)
    return fault === undefined ? value : this.#fault(key, fault)
  }

  #name(given: Json): string | undefined {
    const { name } = given
    if (Object.hasOwn(given, 'identity')) {
      return name === undefined
        ? undefined
        : this.#fault('name', 'is not for certificates, which say their names themselves')
    }
    if (name === undefined) return this.#fault('name', 'is missing; it is what logs say instead of the token')
    const fault = idFault(name, `${this.#path}.name`)
    if (fault === undefined) return name as string
    this.#faults.push(fault)
    return undefined
  }

  #grant(given: Json): Grant | undefined {
    const { role } = given
    const groups = this.#patterns(given, 'groups')
    const members = this.#patterns(given, 'members')
    const topics = this.#patterns(given, 'topics')
    if (role === undefined) return this.#fault('role', `is missing; give one of ${ROLES.join(', ')}`)
    if (!isRole(role)) return this.#fault('role', `must be one of ${ROLES.join(', ')}`)
    return {
      role,
      ...(groups !== undefined && { groups }),
      ...(members !== undefined && { members }),
      ...(topics !== undefined && { topics }),
    }
  }

  #patterns(given: Json, key: string): string[] | undefined {
    if (!Object.hasOwn(given, key)) return undefined
    const value = given[key]
    if (!Array.isArray(value) || value.length === 0 || value.length > MAX_PATTERNS) {
      return this.#fault(
        key,
        `must be an array of 1 to ${MAX_PATTERNS} patterns such as "jobs-*", not ${kindOf(value)}`,
      )
    }
    return value.flatMap((each: unknown, index) => this.#pattern(each, `${key}[${index}]`) ?? [])
  }

  #pattern(value: unknown, key: string): string | undefined {
    if (typeof value !== 'string') return this.#fault(key, `must be a string, not ${kindOf(value)}`)
    const fault = patternFault(value)
    return fault === undefined ? value : this.#fault(key, fault)
  }
}

const isRole = (value: unknown): value is Role => (ROLES as readonly unknown[]).includes(value)

/** Not when it may be a token: `{ "s3cret-…": "admin" }` is easily written. */
const unknownKey = (key: string): string =>
  /^[a-z_]{1,16}$/i.test(key) ? `the unknown key "${key}"${didYouMean(key, KEYS)}` : 'a key that is not known'
