import { describe, expect, test } from 'vitest'
import type { Payload } from '../../../../src/core/dispatch/link-messages.ts'
import { json, type Process, room } from './room.ts'

const bytes = (length: number): Payload => ({ kind: 'bytes', bytes: Buffer.alloc(length) })

describe('what is copied to many', () => {
  test('is refused to those for whom there is no room, and all of these are told the same', () => {
    const { link, isEmpty } = room({ fanOutBytes: 300_000 })
    const [asker, p] = [link('asker'), link('p')]
    for (let n = 1; n <= 5; n++) p.produces(n, 'price', `shop-${n}`)
    asker.asks(1, 'price', { payload: bytes(100_000) })
    expect(p.takes('request')).toHaveLength(3)
    const refused = asker.takes('failed')
    expect(refused.map(({ from, outcome }) => [from, outcome])).toEqual([
      ['shop-4', 'refused'],
      ['shop-5', 'refused'],
    ])
    expect(refused[0]?.error).toEqual(refused[1]?.error)
    isEmpty(asker, p)
  })

  test('is refused to a link that has had much copied lately, once too much waits, and to no other', () => {
    const { clock, link, isEmpty } = room({ waitingBytes: 1_000 })
    const [greedy, modest, p] = [link('greedy'), link('modest'), link('p')]
    for (let n = 1; n <= 10; n++) p.produces(n, 'price', `shop-${n}`)
    const asks = (process: Process, ask: number) => {
      process.asks(ask, 'price', { payload: bytes(60_000), withinMs: 100_000 })
      return p.takes('request').length
    }
    p.bufferedBytes = 2_000
    expect([asks(greedy, 1), asks(greedy, 2), asks(modest, 1)]).toEqual([10, 0, 10])
    clock.advance(1_000)
    expect(asks(greedy, 3)).toBe(10)
    p.bufferedBytes = 0
    expect(asks(greedy, 4)).toBe(10)
    isEmpty(greedy, modest, p)
  })

  test('leaves out listeners rather than fill the memory, and they hear how much they missed', () => {
    const { clock, link, isEmpty } = room({ fanOutBytes: 300_000 })
    const [asker, p, ears] = [link('asker'), link('p'), link('ears')]
    p.produces(1, 'price', 'p')
    for (let n = 1; n <= 5; n++) ears.says({ type: 'listen', listener: n, topic: 'price' })
    asker.asks(1, 'price')
    p.replies(p.request(), bytes(100_000))
    expect(ears.takes('heard').map(({ listener }) => listener)).toEqual([1, 2, 3])
    clock.advance(100)
    expect(ears.takes('gap')).toEqual([
      { type: 'gap', listener: 4, dropped: 1 },
      { type: 'gap', listener: 5, dropped: 1 },
    ])
    asker.asks(2, 'price')
    p.replies(p.request(), json(1))
    expect(ears.takes('heard')).toHaveLength(5)
    isEmpty(asker, p, ears)
  })
})

test('an asker that does not read is not let ask any more, until it does', () => {
  const { host, link, isEmpty } = room({ linkBytes: 1_000 })
  const [asker, p] = [link('asker'), link('p')]
  p.produces(1, 'price', 'p')
  asker.bufferedBytes = 1_001
  asker.asks(1, 'price')
  expect(asker.takes('denied')).toMatchObject([{ what: 'ask', key: 1, error: { code: 'CAUCUS_OVERLOADED' } }])
  expect([p.takes('request'), host.counters().asks]).toEqual([[], 0])
  asker.bufferedBytes = 0
  asker.asks(2, 'price')
  expect(p.takes('request')).toHaveLength(1)
  isEmpty(asker, p)
})

test('a producer takes its id over though the names of the topic are at their limit', () => {
  const { link, isEmpty } = room()
  const [p, next] = [link('p'), link('next')]
  const id = (n: number) => `${n}`.padEnd(250, 'x')
  for (let n = 0; n < 1_000; n++) p.produces(n, 'price', id(n))
  const taken = p.takes('produced').length
  expect(p.takes('denied')).toHaveLength(1_000 - taken)
  next.produces(1, 'price', id(0))
  expect([next.takes('produced').length, p.takes('fenced').length]).toEqual([1, 1])
  isEmpty(p, next)
})
