import { connect, embedded, remote } from 'caucus'
import { describe, expect, test } from 'vitest'
import { codeOf, world } from './world.ts'

const refusedBy = async (call: () => unknown): Promise<unknown> => {
  const attempt = (async () => call())()
  expect(await codeOf(attempt)).toBe('CAUCUS_INVALID_ARGUMENT')
  return attempt.catch((error: Error) => error.message)
}

/** Arguments of the wrong type come from JavaScript: here they are smuggled past the compiler. */
const wrong = <T>(value: unknown) => value as T

describe('bad arguments are refused, each with what to do', () => {
  test.each([
    ['', 'group name is empty'],
    ['x'.repeat(129), 'longer than 128 bytes'],
    ['a\nb', 'control character (U+000A) at position 2'],
    [wrong<string>(42), 'must be a string, not number'],
  ])('group(%j)', async (name, said) => {
    const caucus = await world().connect()
    expect(await refusedBy(() => caucus.group(name))).toContain(said)
  })

  test.each([
    [{ id: '' }, 'member id is empty'],
    [{ id: wrong<string>(null) }, 'not null'],
    [{ share: { partitions: 0 } }, 'from 1 to 4096'],
    [{ share: { partitions: 1.5 } }, 'from 1 to 4096'],
    [{ share: { partitions: Number.NaN } }, 'from 1 to 4096'],
    [{ share: { partitions: -1 } }, 'from 1 to 4096'],
    [{ share: { partitions: Number.POSITIVE_INFINITY } }, 'from 1 to 4096'],
    [{ share: { partitions: 1e9 } }, 'from 1 to 4096'],
    [{ share: wrong<'index'>('indexes') }, "share must be 'index' or"],
    [{ share: wrong<'index'>({ partitions: 8, partition: 9 }) }, "share must be 'index' or"],
    [{ metadata: { big: 'x'.repeat(5_000) } }, 'longer than 4096 bytes'],
    [{ metadata: 1n }, 'must be JSON'],
    [{ metadata: JSON.parse('{"__proto__":1}') }, '__proto__'],
    [{ weight: -1 }, 'join({ weight }) must be a whole number from 0 to 1000, not -1'],
    [{ weight: 1001 }, 'from 0 to 1000, not 1001'],
    [{ weight: 0.5 }, 'from 0 to 1000, not 0.5'],
    [{ weight: Number.NaN }, 'from 0 to 1000, not NaN'],
    [{ weight: wrong<number>('2') }, 'from 0 to 1000, not string'],
    [{ weight: wrong<number>(null) }, 'from 0 to 1000, not null'],
    [{ static: true }, 'join({ static: true }) needs an id, too: a random one never comes back'],
    [{ id: 'a', static: wrong<boolean>('yes') }, 'join({ static }) takes true or false, not string'],
    [{ signal: wrong<AbortSignal>({}) }, 'must be an AbortSignal'],
    [wrong<object>({ identifier: 'a' }), 'knows no option "identifier"; it takes id, share'],
    [wrong<object>('a'), 'takes an object of options'],
  ])('join(%#)', async (options, said) => {
    const caucus = await world().connect()
    expect(await refusedBy(() => caucus.group('g').join(options))).toContain(said)
    expect(await caucus.groups()).toEqual([])
  })

  test('join({ timing }) is checked like a configuration', async () => {
    const caucus = await world().connect()
    for (const heartbeatMs of [Number.NaN, -1, 0, Number.POSITIVE_INFINITY, 1e300]) {
      expect(await codeOf(caucus.group('g').join({ timing: { heartbeatMs } }))).toBe('CAUCUS_INVALID_CONFIG')
    }
    expect(() => embedded({ timing: { leaseMs: 1_000, heartbeatMs: 900 } })).toThrow('unsafe timing')
    expect(() => embedded({ groups: { '': {} } })).toThrow('group name is empty')
    expect(() => embedded(wrong({ group: {} }))).toThrow('knows no option "group"')
  })

  test('of a membership', async () => {
    const { connect, within } = world()
    const membership = await within(100, (await connect()).group('g').join())
    expect(await refusedBy(() => membership.owns(wrong<string>(42)))).toContain('takes a string, not number')
    expect(await refusedBy(() => membership.onRevoke(wrong<() => void>('drain')))).toContain('takes a function')
    expect(await refusedBy(() => membership.settled({ timeoutMs: Number.NaN }))).toContain(
      'timeoutMs) is NaN'.slice(11),
    )
    expect(await refusedBy(() => membership.events({ buffer: 0 }))).toContain('at least 1')
    expect(await refusedBy(() => membership.events({ buffer: 1e12 + 0.5 }))).toContain('at least 1')
    expect(await refusedBy(() => membership.watch(wrong({ abort: 1 })))).toContain('knows no option "abort"')
    expect(await refusedBy(() => membership.setMetadata(() => {}))).toContain('must be JSON')
    for (const weight of [-1, 1001, 1.5, wrong<number>(undefined)]) {
      expect(await refusedBy(() => membership.setWeight(weight))).toContain('setWeight(weight) must be a whole number')
    }
    expect(await codeOf(within(200, membership.settled({ timeoutMs: 0 })))).toBe('CAUCUS_TIMEOUT')
  })

  test('of connect and remote', async () => {
    expect(await refusedBy(() => connect(wrong('http://127.0.0.1:8989')))).toContain('takes a backend')
    const cases: [Parameters<typeof remote>, string][] = [
      [[[]], 'a list of 1 to 16'],
      [['localhost:8989'], 'takes http:// and https:// URLs'],
      [['ftp://127.0.0.1'], 'not ftp:'],
      [['nonsense'], 'takes URLs like'],
      [[wrong<string>(42)], 'a list of 1 to 16'],
      [['http://user:secret@127.0.0.1'], 'no user and no password'],
      [['http://127.0.0.1?x=1'], 'neither a query nor a fragment'],
      [['http://127.0.0.1', { token: 'a b' }], 'printable ASCII'],
      [['http://127.0.0.1', { tls: {} }], 'for https:// servers'],
      [['https://127.0.0.1', { tls: { cert: 'nonsense', key: 'nonsense' } }], 'remote({ tls }): '],
      [['https://127.0.0.1', { tls: { ca: 'no certificate' } }], 'remote({ tls }): '],
      [['https://127.0.0.1', { tls: { cert: 'without its key' } }], 'together'],
      [['https://127.0.0.1', { tls: wrong<object>({ rejectUnauthorized: false }) }], 'not "rejectUnauthorized"'],
      [['http://127.0.0.1', { connectTimeoutMs: Number.NaN }], 'is NaN'],
      [['http://127.0.0.1', wrong<object>({ tokens: 'x' })], 'knows no option "tokens"'],
    ]
    for (const [given, said] of cases) {
      const message = await refusedBy(() => remote(...given))
      expect(message).toContain(said)
      expect(message).not.toContain('secret')
    }
  })
})
