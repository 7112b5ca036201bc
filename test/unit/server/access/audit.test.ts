import { describe, expect, test } from 'vitest'
import { CaucusError } from '../../../../src/errors.ts'
import { Audit, type AuditEntry } from '../../../../src/server/access/audit.ts'
import type { Caller } from '../../../../src/server/access/caller.ts'
import { Principal } from '../../../../src/server/access/principal.ts'

const room = () => {
  const clock = { now: 1_000 }
  const lines: (AuditEntry & { time: string })[] = []
  const audit = new Audit({ write: (line) => lines.push(line), now: () => clock.now, wallMs: () => 0 })
  return { clock, lines, audit }
}
const address = (last: string) => ({ address: `2001:db8::${last}`, network: '2001:db8:0:0::/64' })
const forbidden = new CaucusError('CAUCUS_FORBIDDEN', 'not this')

describe('refusals', () => {
  test('are told one by one, then now and then with how many were not, for each identity of a network', () => {
    const { clock, lines, audit } = room()
    const caller: Caller = { principal: new Principal('a', 'token', []), shown: { via: 'nothing' }, from: address('1') }
    for (let i = 0; i < 30; i++) audit.refused(i % 2 === 0 ? address(String(i)) : caller, 'GET /', forbidden)
    expect(lines.filter(({ identity }) => identity === 'a').length).toBe(10)
    expect(lines.length).toBe(20)
    clock.now += 10_000
    audit.refused(caller, 'GET /', forbidden)
    expect(lines.at(-1)).toEqual({
      time: '1970-01-01T00:00:00.000Z',
      action: 'refuse',
      identity: 'a',
      via: 'token',
      from: '2001:db8::1',
      request: 'GET /',
      outcome: 'refused',
      code: 'CAUCUS_FORBIDDEN',
      message: 'not this',
      untold: 5,
    })
  })

  test('by ever new callers fill neither the log nor the memory', () => {
    const { lines, audit } = room()
    for (let i = 0; i < 50_000; i++) {
      const place = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`
      audit.refused({ address: place, network: place }, 'GET /', forbidden)
    }
    expect(lines.length).toBe(1_000)
    expect(audit.lines).toBe(1_000)
  })

  test('do not keep what was done from being told', () => {
    const { lines, audit } = room()
    for (let i = 0; i < 5_000; i++) audit.refused({ address: `${i}`, network: `${i}` }, 'GET /', forbidden)
    audit.record({ action: 'reload', outcome: 'done' })
    expect(lines.at(-1)).toMatchObject({ action: 'reload' })
  })
})

describe('what somebody did', () => {
  const caller = (name: string): Caller => ({
    principal: new Principal(name, 'token', []),
    shown: { via: 'nothing' },
    from: address('1'),
  })

  test('over and over again is told for the first times, then now and then with how often it was not', () => {
    const { clock, lines, audit } = room()
    for (let i = 0; i < 6_000; i++) audit.did('takeover', caller('a'), 'g', `member-${i}`, 'done')
    expect([lines.length, audit.lines, audit.untold]).toEqual([5_000, 5_000, 1_000])
    clock.now += 1_000
    audit.did('takeover', caller('a'), 'g', 'the next', 'done')
    expect(lines.at(-1)).toMatchObject({ action: 'takeover', member: 'the next', untold: 1_000 })
  })

  test('does not keep others, or what else it did, from being told', () => {
    const { lines, audit } = room()
    for (let i = 0; i < 6_000; i++) audit.did('takeover', caller('a'), 'g', 'm', 'done')
    audit.did('takeover', caller('b'), 'g', 'm', 'done')
    audit.did('evict', caller('a'), 'g', 'm', 'done')
    expect(lines.slice(-2).map(({ action, identity }) => `${action} ${identity}`)).toEqual(['takeover b', 'evict a'])
  })
})
