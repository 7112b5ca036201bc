import { connect, embedded } from 'caucus'
import { nats } from 'caucus/nats'
import { describe, expect, test } from 'vitest'
import { checkedNats } from '../../../src/backends/nats/options.ts'

const SEED = `SU${'A'.repeat(56)}`

describe('the options of nats()', () => {
  test('a server, a list of them, or an object', () => {
    const sound = {
      servers: ['h:4222'],
      login: undefined,
      tls: undefined,
      prefix: 'caucus',
      name: undefined,
      connectTimeoutMs: 10_000,
    }
    expect(checkedNats('h')).toEqual(sound)
    expect(checkedNats(['nats://h:4222', 'h'])).toEqual(sound)
    expect(checkedNats({ servers: ['h', '[::1]:5'], user: 'u', password: 'p' })).toMatchObject({
      servers: ['h:4222', '[::1]:5'],
      login: { user: 'u', password: 'p' },
    })
    expect(checkedNats('tls://h:1')).toMatchObject({ servers: ['h:1'], tls: {} })
  })

  test.each([
    [undefined, 'takes the address'],
    [7, 'takes the address'],
    [[], 'a list of 1 to 16'],
    [Array(17).fill('h'), 'a list of 1 to 16'],
    ['http://h', 'HOST:PORT'],
    ['h:0', 'HOST:PORT'],
    ['h:65536', 'HOST:PORT'],
    ['nats://u:p@h', 'options of their own'],
    [{ servers: 'h', pasword: 'p' }, 'no option "pasword"'],
    [{ servers: 'h', password: 'p' }, 'before a password'],
    [{ servers: 'h', user: '' }, 'takes a name'],
    [{ servers: 'h', user: 'u', password: 7 }, 'takes a text'],
    [{ servers: 'h', user: 'u', token: 't' }, 'not several'],
    [{ servers: 'h', token: 'a b' }, 'printable'],
    [{ servers: 'h', credentials: './me.creds' }, 'not its path'],
    [{ servers: 'h', nkeySeed: 'UA' }, 'begins with SU'],
    [{ servers: 'h', nkeySeed: SEED, token: 't' }, 'not several'],
    [{ servers: 'h', tls: { pfx: 1 } }, 'not "pfx"'],
    [{ servers: 'h', tls: { cert: 'x' } }, 'together'],
    [{ servers: 'h', tls: { ca: 'no pem', cert: 'no', key: 'no' } }, 'nats({ tls })'],
    [{ servers: 'h', tls: { ca: 'no certificate' } }, 'nats({ tls })'],
    [{ servers: 'h', tls: null }, 'as PEM'],
    [{ servers: 'h', prefix: 'a.*' }, 'prefix'],
    [{ servers: 'h', name: 'a name' }, 'without spaces'],
    [{ servers: 'h', connectTimeoutMs: Number.NaN }, 'milliseconds'],
    [{ servers: 'h', connectTimeoutMs: -1 }, 'milliseconds'],
  ])('%j is refused: %s', (options, words) => {
    expect(() => nats(options as never)).toThrow(words)
    expect(() => nats(options as never)).toThrow(expect.objectContaining({ code: 'CAUCUS_INVALID_ARGUMENT' }))
  })

  test('nothing of a secret is repeated', () => {
    for (const options of [
      { servers: 'h', token: 'my secret' },
      { servers: 'h', nkeySeed: 'my secret' },
      { servers: 'nats://my:secret@h' },
    ])
      expect(() => nats(options)).not.toThrow(/secret/)
  })

  test('connect() takes what nats() gives, and nothing else', async () => {
    await expect(connect(embedded(), { topics: 'nats://h' as never })).rejects.toMatchObject({
      code: 'CAUCUS_INVALID_ARGUMENT',
    })
    const failing = async () => {
      throw new Error('nobody there')
    }
    await expect(connect(embedded(), { topics: failing })).rejects.toThrow('nobody there')
  })
})
