import type { PeerCertificate } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { alternativesIn, nameMatcher, namesOf } from '../../../../src/server/access/certificate.ts'

const certificate = (subjectaltname: string | undefined, CN?: unknown): PeerCertificate =>
  ({ subject: { CN }, ...(subjectaltname !== undefined && { subjectaltname }) }) as PeerCertificate

describe('the names of a certificate', () => {
  test('are its alternative names, and not its common name', () => {
    const given = certificate('IP Address:10.0.0.1, DNS:w1.example, URI:spiffe://example/w1, email:w1@example', 'admin')
    expect(namesOf(given)).toEqual(['w1.example', 'spiffe://example/w1', 'w1@example'])
  })

  test('are its common name where there is no other', () => {
    expect(namesOf(certificate(undefined, 'worker-1'))).toEqual(['worker-1'])
    expect(namesOf(certificate('IP Address:10.0.0.1', 'worker-1'))).toEqual(['worker-1'])
  })

  test('are none where two common names leave it open, or none could be a name', () => {
    expect(namesOf(certificate(undefined, ['worker-1', 'admin']))).toEqual([])
    expect(namesOf(certificate(undefined, 'a\nb'))).toEqual([])
    expect(namesOf(certificate(undefined, 'x'.repeat(300)))).toEqual([])
    expect(namesOf(certificate(undefined))).toEqual([])
    expect(namesOf({} as PeerCertificate)).toEqual([])
    expect(namesOf(undefined)).toEqual([])
  })

  test('are read as Node quotes them: what somebody wrote into one name makes no second one', () => {
    expect(namesOf(certificate('DNS:"evil.example, DNS:admin.example"'))).toEqual(['evil.example, DNS:admin.example'])
    expect(alternativesIn('DNS:"a\\"b", DNS:c')).toEqual([
      ['DNS', 'a"b'],
      ['DNS', 'c'],
    ])
  })

  test('are none at all where the text cannot be read to its end', () => {
    for (const text of ['DNS:a, "', 'DNS:"a', 'DNS:a"b, DNS:c', 'nothing', 'DNS:a,DNS:b']) {
      expect(alternativesIn(text)).toBeUndefined()
      expect(namesOf(certificate(text, 'admin'))).toEqual([])
    }
  })
})

test.each([
  ['*.workers.example', 'w1.workers.example', true],
  ['*.workers.example', 'https://elsewhere/.workers.example', false],
  ['*.workers.example', 'evil@a.workers.example', false],
  ['*', 'spiffe://example/w1', true],
  ['spiffe://example/*', 'spiffe://example/w1', true],
  ['*@example.org', 'someone@example.org', true],
  ['*@example.org', 'https://elsewhere/@example.org', false],
  ['*example', 'a:example', false],
] as const)('the pattern %s and the name %s: %s', (pattern, name, fits) => {
  expect(nameMatcher(pattern)(name)).toBe(fits)
})
