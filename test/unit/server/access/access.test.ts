import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { AuditFile } from '../../../../src/cli/audit-file.ts'
import type { AccessRule, Grant } from '../../../../src/config/access.ts'
import { Access, hashOf } from '../../../../src/server/access/access.ts'

const ofToken = (token: string, name: string, grant: Grant): AccessRule => ({
  name,
  credential: { type: 'token', token },
  grant,
})
const ofCertificate = (pattern: string, grant: Grant): AccessRule => ({
  name: undefined,
  credential: { type: 'certificate', pattern },
  grant,
})
const shown = (token: string) => ({ via: 'token', hash: hashOf(token) }) as const
const certified = (...names: string[]) => ({ via: 'certificate', names }) as const

describe('who somebody is', () => {
  test('is said by a token, whether the file has it or its hash', () => {
    const sha256 = createHash('sha256').update('second-token').digest('hex')
    const access = new Access([
      ofToken('first-token', 'first', { role: 'read' }),
      { name: 'second', credential: { type: 'sha256', sha256 }, grant: { role: 'member' } },
    ])
    expect(access.principalOf(shown('first-token'))?.name).toBe('first')
    expect(access.principalOf(shown('second-token'))?.name).toBe('second')
    for (const wrong of ['third-token', 'first-toke', sha256, ''])
      expect(access.principalOf(shown(wrong))).toBeUndefined()
    expect(access.principalOf({ via: 'nothing' })).toBeUndefined()
  })

  test('a token under two names is refused, also where one entry has it and the other its hash', () => {
    const sha256 = createHash('sha256').update('first-token').digest('hex')
    const hashed = (name: string): AccessRule => ({
      name,
      credential: { type: 'sha256', sha256 },
      grant: { role: 'read' },
    })
    const token = ofToken('first-token', 'a', { role: 'admin' })
    expect(() => new Access([token, hashed('b')])).toThrow(/"a" and "b" have one token/)
    expect(new Access([token, hashed('a')]).size).toBe(1)
  })

  test('is known as long as an entry names it', () => {
    const access = new Access([ofToken('first-token', 'a', { role: 'read' }), ofCertificate('*.x', { role: 'read' })])
    const [token, certificate] = [access.principalOf(shown('first-token')), access.principalOf(certified('w.x'))]
    if (token === undefined || certificate === undefined) expect.fail('nobody was found')
    expect([access.isKnown(token), access.isKnown(certificate)]).toEqual([true, true])
    access.replace([ofToken('first-token', 'b', { role: 'read' })])
    expect([access.isKnown(token), access.isKnown(certificate)]).toEqual([false, false])
  })

  test('entries of one token add up, and those of another name do not', () => {
    const access = new Access([
      ofToken('first-token', 'a', { role: 'read' }),
      ofToken('first-token', 'a', { role: 'member', groups: ['jobs'] }),
      ofToken('other-token', 'a', { role: 'read', groups: ['web'] }),
    ])
    const principal = access.principalOf(shown('first-token'))
    expect([principal?.in('jobs').use('x'), principal?.in('web').use('x'), principal?.in('web').reads]).toEqual([
      'own',
      'no',
      true,
    ])
    // One identity, of which each token may do what it is for.
    const other = access.principalOf(shown('other-token'))
    expect([other?.key === principal?.key, other?.in('jobs').reads]).toEqual([true, false])
  })

  test('is the first name of a certificate that an entry fits, and of no other kind than an entry of that name', () => {
    const access = new Access([
      ofCertificate('*.workers.example', { role: 'member' }),
      ofToken('first-token', 'w.workers.example', { role: 'member' }),
    ])
    const principal = access.principalOf(certified('localhost', 'w.workers.example', 'v.workers.example'))
    expect([principal?.name, principal?.via]).toEqual(['w.workers.example', 'certificate'])
    expect(principal?.key).not.toBe(access.principalOf(shown('first-token'))?.key)
    expect(access.principalOf(certified('localhost'))).toBeUndefined()
    expect(access.principalOf(certified())).toBeUndefined()
  })

  test('is anybody where there are no entries; a certificate then still says its name', () => {
    const access = new Access()
    expect(access.principalOf({ via: 'nothing' })?.in('g').use('x')).toBe('any')
    const principal = access.principalOf(certified('w.example'))
    expect([principal?.name, principal?.in('g').evicts('x')]).toEqual(['w.example', true])
  })

  test('keeps no token: whoever looks through its memory finds hashes', () => {
    const access = new Access([ofToken('a-token-that-is-secret', 'a', { role: 'read' })])
    expect(JSON.stringify(access.principalOf(shown('a-token-that-is-secret')))).not.toContain('secret')
  })
})

test('made-up groups and names do not fill the memory, and decide nothing for others', () => {
  const access = new Access([ofCertificate('*', { role: 'member', groups: ['jobs-*'] })])
  const principal = access.principalOf(certified('w'))
  for (let i = 0; i < 30_000; i++) principal?.in(`made-up-${i}`)
  for (let i = 0; i < 30_000; i++) access.principalOf(certified(`name-${i}`))
  expect([principal?.in('jobs-1').use('x'), principal?.in('made-up-1').use('x')]).toEqual(['own', 'no'])
})

test('the audit file gets a line each, readable for its owner only, and follows a file that is moved away', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'caucus-audit-'))
  const failures: string[] = []
  const say = (_details: object, message: string) => void failures.push(message)
  const logger = { debug: say, info: say, warn: say, error: say }
  try {
    const file = join(folder, 'audit.jsonl')
    const audit = new AuditFile(file, logger)
    const entry = { time: 'now', action: 'evict', outcome: 'done', member: 'a\nb' } as const
    audit.write(entry)
    audit.write(entry)
    await audit.close()
    renameSync(file, `${file}.1`)
    audit.write(entry)
    await audit.close()
    const lines = (name: string) =>
      readFileSync(name, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
    expect([lines(`${file}.1`), lines(file)]).toEqual([[entry, entry], [entry]])
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(failures).toEqual([])
    const lost = new AuditFile(join(folder, 'no', 'such', 'folder'), logger)
    lost.write(entry)
    await lost.close()
    expect(failures).toEqual([expect.stringContaining('cannot be written')])
    await expect(AuditFile.open(join(folder, 'no', 'such', 'folder'), logger)).rejects.toMatchObject({
      code: 'CAUCUS_INVALID_CONFIG',
      message: expect.stringMatching(/cannot be written \(ENOENT\); name a file/),
    })
    await (await AuditFile.open(file, logger)).close()
    expect(lines(file)).toEqual([entry])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('after a disk that was full in the middle of a line the next line is a line again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'caucus-audit-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const silent = () => {}
  const file = join(folder, 'audit.jsonl')
  const audit = new AuditFile(file, { debug: silent, info: silent, warn: silent, error: silent })
  const entry = { time: 'now', action: 'evict', outcome: 'done' } as const
  mkdirSync(file)
  audit.write(entry)
  await audit.close()
  rmdirSync(file)
  writeFileSync(file, '{"time":"now","act')
  audit.write(entry)
  audit.write(entry)
  await audit.close()
  const [half, ...whole] = readFileSync(file, 'utf8').trim().split('\n')
  expect([half, ...whole.map((line) => JSON.parse(line))]).toEqual(['{"time":"now","act', entry, entry])
})

describe('what somebody may do on a topic', () => {
  const on = (topic: string, ...grants: Grant[]) => {
    const access = new Access(grants.map((grant) => ofCertificate('me', grant)))
    return access.principalOf(certified('me'))?.on(topic)
  }

  test('is what the entries that cover it say together, whatever they say of groups', () => {
    expect(on('price', { role: 'member' })).toEqual({ reads: true, asks: true })
    expect(on('price', { role: 'read' })).toEqual({ reads: true, asks: false })
    expect(on('price', { role: 'admin', topics: ['-'] })).toEqual({ reads: false, asks: false })
    expect(on('price', { role: 'read' }, { role: 'member', topics: ['p*'] })).toEqual({ reads: true, asks: true })
    expect(on('me', { role: 'member', groups: ['x'], topics: ['{identity}'] })).toEqual({ reads: true, asks: true })
  })

  test('is refused with who it is, the role and the topic', () => {
    const access = new Access([ofToken('first-token', 'first', { role: 'read', topics: ['p'] })])
    const principal = access.principalOf(shown('first-token'))
    expect(() => principal?.requireReadOn('q')).toThrow(/"first" may not see the topic "q": .* role read /)
    expect(() => principal?.requireAskOn('p')).toThrow(/"first" may not ask on the topic "p": .* role member /)
    expect(principal?.requireReadOn('p')).toBeUndefined()
    expect(principal?.mayNot('listen on', 'p')?.toJSON()).toMatchObject({
      code: 'CAUCUS_FORBIDDEN',
      details: { identity: 'first', role: 'member', topic: 'p' },
    })
  })
})
