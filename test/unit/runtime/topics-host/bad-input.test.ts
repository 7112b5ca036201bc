import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { TopicsUp } from '../../../../src/core/dispatch/link-messages.ts'
import { CaucusError } from '../../../../src/errors.ts'
import { up } from '../../wire/topics/messages.ts'
import { json, type Process, room } from './room.ts'

const error = new CaucusError('CAUCUS_HANDLER_FAILED', 'no').toJSON()

/** Three processes, one of which asks and two of which have been asked. */
const asked = (limits = {}) => {
  const all = room(limits)
  const [asker, p, q] = [all.link('asker'), all.link('p'), all.link('q')]
  p.produces(1, 'price', 'p')
  q.produces(1, 'price', 'q')
  asker.asks(1, 'price')
  return { ...all, asker, p, q, toP: p.request(), toQ: q.request() }
}

describe('an answer', () => {
  test.each<[string, TopicsUp]>([
    ['a reply', { type: 'reply', request: 99, payload: json(1) }],
    ['a stream', { type: 'reply', request: 99, payload: { kind: 'stream', stream: 99 } }],
    ['a failure', { type: 'fail', request: 99, outcome: 'error', error }],
    ['a reply to none', { type: 'reply', request: 0, payload: json(1) }],
    ['a piece of a stream', { type: 'chunk', stream: 99, bytes: Buffer.from('x') }],
    ['the end of a stream', { type: 'end', stream: 99 }],
    ['credit for a stream', { type: 'credit', stream: 1, bytes: 1 }],
    ['a stop of a stream', { type: 'stop', stream: 1 }],
  ])('to a request that there never was, %s, ends its link and nobody else', (_what, message) => {
    const { asker, p, q, toQ, isEmpty } = asked()
    p.says(message)
    expect(p.faults).toEqual([expect.stringMatching(/there was no request|nobody sends a stream/)])
    q.replies(toQ)
    expect(asker.takes('finished')).toMatchObject([{ summary: { replied: 1, left: ['p'] } }])
    isEmpty(asker, q)
  })

  test('to a request of another link counts for nobody: numbers are those of a link', () => {
    const { asker, p, q, isEmpty } = asked()
    const third = room().link('third')
    third.replies(1)
    expect(third.faults).toHaveLength(1)
    expect(asker.takes('answered')).toEqual([])
    isEmpty(asker, p, q)
  })

  test('that is the second one is dropped and counted, and so is a late one', () => {
    const { clock, host, asker, p, q, toP, toQ, isEmpty } = asked()
    p.replies(toP)
    p.replies(toP)
    p.says({ type: 'fail', request: toP, outcome: 'error', error })
    clock.advance(1_000)
    q.replies(toQ)
    expect([asker.takes('answered').length, p.faults, q.faults]).toEqual([1, [], []])
    expect(host.counters()).toMatchObject({ replies: 1, foreign: 2, late: 1 })
    isEmpty(asker, p, q)
  })

  test('in the same frame as the first is the second one all the same', () => {
    const { host, asker, p, q, toP, isEmpty } = asked()
    const reply: TopicsUp = { type: 'reply', request: toP, payload: json(1) }
    p.says(reply, reply)
    expect([asker.takes('answered').length, host.counters().foreign]).toEqual([1, 1])
    isEmpty(asker, p, q)
  })

  test('to what nobody asked, again and again, ends its link', () => {
    const { p, asker, q, toP, isEmpty } = asked()
    const reply: TopicsUp = { type: 'reply', request: toP, payload: json(1) }
    p.says(...Array.from({ length: 1_001 }, () => reply))
    expect(p.faults).toEqual([])
    p.says(reply)
    expect(p.faults).toEqual(['it has answered more often than it was asked'])
    isEmpty(asker, q)
  })

  test('that is called off first and comes then is late, however many there are', () => {
    const { clock, host, link, isEmpty } = room()
    const [asker, p] = [link('asker'), link('p')]
    p.produces(1, 'price', 'p')
    for (let ask = 1; ask <= 2_000; ask++) asker.asks(ask, 'price', { withinMs: 10 })
    clock.advance(10)
    for (const { request } of p.takes('request')) p.replies(request)
    expect([p.faults, host.counters().late, host.counters().foreign]).toEqual([[], 2_000, 0])
    isEmpty(asker, p)
  })
})

describe('a number', () => {
  const again = (says: (process: Process, number: number) => void) => {
    const { link, isEmpty } = room()
    const [one, other] = [link('one'), link('other')]
    says(one, 5)
    says(other, 5)
    says(one, 5)
    expect([one.faults, other.faults]).toEqual([[expect.stringMatching(/was used before/)], []])
    isEmpty(other)
  }
  test('of an ask is used once', () => again((process, number) => process.asks(number, 'nobody')))
  test('of a producer is used once', () => again((process, number) => process.produces(number, 't', `${process.name}`)))
  test('of a listener is used once', () =>
    again((process, listener) => process.says({ type: 'listen', listener, topic: 't' })))

  test('of what never was, or is over, may be said goodbye to', () => {
    const { link, isEmpty } = room()
    const process = link('one')
    process.says({ type: 'abandon', ask: 7 }, { type: 'leave', producer: 7 }, { type: 'withdraw', producer: 7 })
    process.says({ type: 'unlisten', listener: 7 })
    expect([process.faults, process.told]).toEqual([[], []])
    isEmpty(process)
  })
})

describe('a limit', () => {
  test('of asks, producers and listeners of one link is its own', () => {
    const { link, isEmpty } = room({ asksPerLink: 2, producersPerLink: 2, listenersPerLink: 2 })
    const [one, other] = [link('one'), link('other')]
    for (const process of [one, other]) {
      for (const n of [1, 2, 3]) {
        process.produces(n, 't', `${process.name}-${n}`)
        process.says({ type: 'listen', listener: n, topic: 't' })
      }
    }
    for (const n of [1, 2, 3]) one.asks(n, 't')
    expect(one.takes('denied').map(({ what, key, error: { code } }) => [what, key, code])).toEqual([
      ['producer', 3, 'CAUCUS_OVERLOADED'],
      ['listener', 3, 'CAUCUS_OVERLOADED'],
      ['ask', 3, 'CAUCUS_OVERLOADED'],
    ])
    expect(other.takes('denied')).toHaveLength(2)
    expect(other.takes('request')).toHaveLength(4)
    isEmpty(one, other)
  })

  test('of all together is told to whoever comes last', () => {
    const { link, isEmpty } = room({ asks: 1, producers: 1, listeners: 1 })
    const [one, other] = [link('one'), link('other')]
    for (const process of [one, other]) {
      process.produces(1, 't', process.name)
      process.says({ type: 'listen', listener: 1, topic: 't' })
      process.asks(1, 't')
    }
    expect(one.takes('denied')).toEqual([])
    expect(other.takes('denied').map(({ what }) => what)).toEqual(['producer', 'listener', 'ask'])
    one.close()
    other.produces(2, 't', 'o')
    other.asks(2, 't')
    expect(other.takes('produced')).toHaveLength(1)
    isEmpty(other)
  })

  test('of the names on one topic keeps the list of them in one message', () => {
    const { link, isEmpty } = room({ producersPerLink: 10_000 })
    const p = link('p')
    for (let n = 0; n < 400; n++) p.produces(n, 't', `${n}-`.padEnd(256, 'x'))
    const denied = p.takes('denied').length
    expect(denied).toBeGreaterThan(0)
    expect((400 - denied) * 256).toBeLessThanOrEqual(256 * 1024)
    p.says({ type: 'leave', producer: 0 })
    p.produces(1_000, 't', 'y'.repeat(256))
    expect(p.takes('denied')).toEqual([])
    isEmpty(p)
  })

  test('of requests that a process has not answered, or not read, refuses the next in its place', () => {
    const { link, isEmpty } = room({ requestsPerLink: 2, linkBytes: 1_000 })
    const [asker, p, q] = [link('asker'), link('p'), link('q')]
    p.produces(1, 't', 'p')
    q.produces(1, 't', 'q')
    for (const ask of [1, 2, 3]) {
      asker.asks(ask, 't')
      q.replies(q.request())
    }
    expect(asker.takes('failed')).toMatchObject([
      { ask: 3, from: 'p', outcome: 'refused', error: { code: 'CAUCUS_OVERLOADED' } },
    ])
    expect(p.takes('request')).toHaveLength(2)
    q.bufferedBytes = 1_001
    asker.asks(4, 't')
    expect(asker.takes('failed')).toMatchObject([{ from: 'p' }, { from: 'q', outcome: 'refused' }])
    expect(asker.takes('finished').map(({ ask }) => ask)).toEqual([3, 4])
    isEmpty(asker, p, q)
  })

  test('of what one request becomes when it is copied leaves out those who come last', () => {
    const { link, isEmpty } = room({ fanOutBytes: 25 })
    const [asker, p] = [link('asker'), link('p')]
    for (const n of [1, 2, 3]) p.produces(n, 't', `p${n}`)
    asker.asks(1, 't', { payload: { kind: 'bytes', bytes: Buffer.alloc(10) } })
    expect(p.takes('request')).toHaveLength(2)
    expect(asker.takes('failed')).toMatchObject([{ from: 'p3', outcome: 'refused' }])
    isEmpty(asker, p)
  })

  test('of what waits in all links holds back requests that become much, and no others', () => {
    const { link, isEmpty } = room({ waitingBytes: 1_000 })
    const [asker, p, slow] = [link('asker'), link('p'), link('slow')]
    for (const n of [1, 2, 3]) p.produces(n, 't', `p${n}`)
    slow.bufferedBytes = 1_001
    const asks = (ask: number, length: number) =>
      asker.asks(ask, 't', { payload: { kind: 'bytes', bytes: Buffer.alloc(length) } })
    asks(1, 2 ** 19)
    expect(asker.takes('finished')).toMatchObject([{ summary: { refused: 3 } }])
    asks(2, 10)
    slow.bufferedBytes = 0
    asks(3, 2 ** 19)
    expect(p.takes('request')).toHaveLength(6)
    isEmpty(asker, p, slow)
  })
})

test('an asker that does not read gets failures in the place of its replies, before anybody counts them', () => {
  const { host, asker, p, q, toP, toQ, isEmpty } = asked({ linkBytes: 100 })
  asker.bufferedBytes = 101
  p.replies(toP)
  asker.bufferedBytes = 0
  q.replies(toQ)
  expect(asker.takes('failed')).toMatchObject([{ from: 'p', outcome: 'error', error: { code: 'CAUCUS_OVERLOADED' } }])
  expect(asker.takes('finished')).toMatchObject([{ summary: { replied: 1, errors: 1 } }])
  expect(host.counters()).toMatchObject({ replies: 1, errors: 1 })
  isEmpty(asker, p, q)
})

test('who may not go on is denied what it has, and nothing else', () => {
  const { asker, p, q, isEmpty } = asked()
  p.produces(2, 'other', 'p')
  p.says({ type: 'listen', listener: 1, topic: 'price' }, { type: 'listen', listener: 2, topic: 'other' })
  p.takes('produced')
  const forbidden = new CaucusError('CAUCUS_FORBIDDEN', 'not any more')
  const onPrice = (_what: string, topic: string) => (topic === 'price' ? forbidden : undefined)
  p.review(onPrice)
  expect(p.told).toMatchObject([
    { type: 'denied', what: 'producer', key: 1, error: { code: 'CAUCUS_FORBIDDEN' } },
    { type: 'denied', what: 'listener', key: 1 },
  ])
  asker.review(onPrice)
  expect(asker.told).toMatchObject([{ type: 'denied', what: 'ask', key: 1 }])
  expect(q.takes('cancel')).toHaveLength(1)
  isEmpty(asker, p, q)
})

test('whatever links say, sound by itself, nobody is thrown at, and nothing is left once they have gone', () => {
  const topic = fc.constantFrom('a', 'b')
  const number = fc.integer({ min: 0, max: 12 })
  const likely = fc.oneof(
    up,
    fc.record({
      type: fc.constant('produce' as const),
      producer: number,
      topic,
      id: fc.constantFrom('x', 'y'),
      concurrency: fc.constant(1),
    }),
    fc.record({ type: fc.constant('listen' as const), listener: number, topic }),
    fc.record({ type: fc.constantFrom('leave' as const, 'withdraw' as const), producer: number }),
    fc.record({
      type: fc.constant('ask' as const),
      ask: number,
      topic,
      until: fc.constantFrom('all' as const, 'first' as const),
      withinMs: fc.integer({ min: 1, max: 20 }),
      named: fc.boolean(),
      patient: fc.boolean(),
      payload: fc.constant(json(1)),
    }),
    fc.tuple(number, fc.boolean()).map(
      ([request, streams]): TopicsUp => ({
        type: 'reply',
        request,
        payload: streams ? { kind: 'stream', stream: request } : json(2),
      }),
    ),
    fc.record({ type: fc.constant('chunk' as const), stream: number, bytes: fc.constant(Buffer.from('piece')) }),
    fc.record({ type: fc.constant('credit' as const), stream: number, bytes: fc.integer({ min: 1, max: 20 }) }),
    fc.record({ type: fc.constantFrom('end' as const, 'stop' as const), stream: number }),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(3), likely, fc.nat(30)), { minLength: 20, maxLength: 150 }), (said) => {
      const { clock, link, isEmpty, faults } = room()
      const processes = [0, 1, 2, 3].map((n) => link(`process-${n}`))
      for (const [which, message, luck] of said) {
        const process = processes[which] as Process
        if (process.faults.length > 0 || luck === 0) {
          process.close()
          processes[which] = link(`process-${which}`)
        } else process.says(message)
        if (luck === 1) clock.advance(5)
        process.bufferedBytes = luck === 2 ? 2 ** 24 : 0
      }
      expect(faults).toEqual([])
      isEmpty(...processes)
    }),
    { numRuns: 200 },
  )
})
