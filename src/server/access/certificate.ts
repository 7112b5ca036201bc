import type { DetailedPeerCertificate, PeerCertificate } from 'node:tls'
import { globMatcher } from '../../config/glob.ts'
import { idFault } from '../../core/ids.ts'

const NAMED = new Set(['DNS', 'URI', 'email'])
const MAX_NAMES = 100

/**
 * The names that a certificate gives its holder: the DNS names, URIs and mail addresses of its subject alternative name, in its order; only
 * where it has none of these, the common name of its subject. What could not be a member id is no name.
 */
export const namesOf = (certificate: PeerCertificate | DetailedPeerCertificate | undefined): readonly string[] => {
  const alternatives = alternativesIn(certificate?.subjectaltname ?? '')
  if (certificate === undefined || alternatives === undefined) return []
  const named = alternatives.flatMap(([kind, name]) => (NAMED.has(kind) ? [name] : []))
  // Several common names come as an array: whose of them it is would be a guess.
  const common: unknown = certificate.subject?.CN
  const names = named.length > 0 ? named : typeof common === 'string' ? [common] : []
  return names.filter((name) => idFault(name, 'name') === undefined).slice(0, MAX_NAMES)
}

/**
 * Whether a name of a certificate fits the pattern of an entry. Who may choose the path of a URI, or what stands before the `@`, must not
 * become a host by it: only what looks like a URI (has a `:`) fits a pattern that does, and so with addresses of mail. `*` by itself fits all.
 */
export const nameMatcher = (pattern: string): ((name: string) => boolean) => {
  const matches = globMatcher(pattern)
  if (/^\*+$/.test(pattern)) return matches
  const kind = kindOf(pattern)
  return (name) => kindOf(name) === kind && matches(name)
}

const kindOf = (name: string): 'URI' | 'mail' | 'host' =>
  name.includes(':') ? 'URI' : name.includes('@') ? 'mail' : 'host'

/**
 * Reads `DNS:a.example, URI:"spiffe://x, y"`. Node writes a value that holds a comma or a quote as a string of JSON (CVE-2021-44532); to
 * split such a text at commas would make names of what somebody wrote into one. `undefined` when it cannot be read to its end.
 */
export const alternativesIn = (text: string): readonly (readonly [string, string])[] | undefined => {
  const found: [string, string][] = []
  const one = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y
  while (one.lastIndex < text.length) {
    const [, kind = '', value = ''] = one.exec(text) ?? []
    // It may say anything, and the common name is no way around it.
    if (kind === '') return undefined
    found.push([kind, value.startsWith('"') ? String(JSON.parse(value)) : value])
  }
  return found
}
