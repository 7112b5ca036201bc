import type { DetailedPeerCertificate, PeerCertificate } from 'node:tls'
import { idFault } from '../../core/ids.ts'

const NAMED = new Set(['DNS', 'URI', 'email'])
const MAX_NAMES = 100

/**
 * The names that a certificate gives its holder: the DNS names, URIs and mail addresses of its subject alternative name, in its order; only
 * where it has none of these, the common name of its subject. What could not be a member id is no name.
 */
export const namesOf = (certificate: PeerCertificate | DetailedPeerCertificate | undefined): readonly string[] => {
  if (certificate === undefined) return []
  const named = alternativesIn(certificate.subjectaltname ?? '').flatMap(([kind, name]) =>
    NAMED.has(kind) ? [name] : [],
  )
  // Several common names come as an array: whose of them it is would be a guess.
  const common: unknown = certificate.subject?.CN
  const names = named.length > 0 ? named : typeof common === 'string' ? [common] : []
  return names.filter((name) => idFault(name, 'name') === undefined).slice(0, MAX_NAMES)
}

/**
 * Reads `DNS:a.example, URI:"spiffe://x, y"`. Node writes a value that holds a comma or a quote as a string of JSON (CVE-2021-44532); to
 * split such a text at commas would make names of what somebody wrote into one.
 */
export const alternativesIn = (text: string): readonly (readonly [string, string])[] => {
  const found: [string, string][] = []
  const one = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y
  while (one.lastIndex < text.length) {
    const [, kind = '', value = ''] = one.exec(text) ?? []
    // What cannot be read to its end may say anything.
    if (kind === '') return []
    found.push([kind, value.startsWith('"') ? String(JSON.parse(value)) : value])
  }
  return found
}
