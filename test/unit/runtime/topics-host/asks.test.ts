import { describe, expect, test } from 'vitest'
import type { Answer, Summary } from '../../../../src/core/dispatch/messages.ts'
import { CaucusError } from '../../../../src/errors.ts'
import { json, room, saidIn } from './room.ts'

describe('an ask over links', () => {
  test('goes to everybody on the topic, comes back as they answer, and ends with a summary', () => {
    const { clock, host, link, isEmpty } = room()
    const [asker, p, q] = [link('asker'), link('p'), link('q')]
    p.produces(1, 'price', 'shop-1')
    q.produces(7, 'price', 'shop-2')
    expect([p.told, q.told]).toEqual([[{ type: 'produced', producer: 1 }], [{ type: 'produced', producer: 7 }]])
    const trace = { traceparent: '00-1-2-01' }
    asker.asks(5, 'price', { payload: json({ sku: 1 }), withinMs: 300, trace })
    clock.advance(100)
    const [toP] = p.takes('request')
    expect(toP).toMatchObject({ request: 1, producer: 1, from: 'asker', remainingMs: 300, trace })
    expect(saidIn(toP?.payload ?? { kind: 'none' })).toEqual({ sku: 1 })
    q.replies(q.request(), json(20))
    p.replies(1, json(10))
    expect(asker.takes('answered').map(({ ask, from, payload }) => [ask, from, saidIn(payload)])).toEqual([
      [5, 'shop-2', 20],
      [5, 'shop-1', 10],
    ])
    expect(asker.takes('finished')).toMatchObject([{ ask: 5, summary: { expected: 2, replied: 2, ending: 'met' } }])
    expect(host.counters()).toMatchObject({ asks: 1, replies: 2 })
    isEmpty(asker, p, q)
  })

  test('names who is expected first, when it is to', () => {
    const { link, isEmpty } = room()
    const [asker, p] = [link('asker'), link('p')]
    asker.asks(1, 'price', { named: true })
    expect(asker.told).toMatchObject([
      { type: 'asked', ask: 1, expected: [] },
      { type: 'finished', ask: 1, summary: { ending: 'nobody', code: 'CAUCUS_NO_RESPONDERS' } },
    ])
    p.produces(1, 'price', 'a')
    p.produces(2, 'price', 'b')
    asker.asks(2, 'price', { named: true })
    expect(asker.told.slice(2)).toEqual([{ type: 'asked', ask: 2, expected: ['a', 'b'] }])
    isEmpty(asker, p)
  })

  test('ends at its limit, names who is missing, and calls them off', () => {
    const { clock, link, isEmpty } = room()
    const [asker, p] = [link('asker'), link('p')]
    p.produces(1, 'price', 'slow')
    asker.asks(1, 'price', { withinMs: 50 })
    clock.advance(49)
    expect(asker.told).toEqual([])
    clock.advance(2)
    expect(asker.takes('finished')).toMatchObject([{ summary: { missing: ['slow'], code: 'CAUCUS_TIMEOUT' } }])
    expect(p.takes('cancel')).toEqual([{ type: 'cancel', request: 1, because: 'timeout' }])
    isEmpty(asker, p)
  })

  test('counts a producer whose link is lost as one that left, at once', () => {
    const { link, isEmpty } = room()
    const [asker, p, q] = [link('asker'), link('p'), link('q')]
    p.produces(1, 'price', 'p')
    q.produces(1, 'price', 'q')
    asker.asks(1, 'price')
    q.replies(q.request())
    p.close()
    expect(asker.takes('finished')).toMatchObject([{ summary: { replied: 1, missing: ['p'], left: ['p'] } }])
    isEmpty(asker, q)
  })

  test('is called off with the link of its asker, and its producers hear of it', () => {
    const { link, isEmpty } = room()
    const [asker, p] = [link('asker'), link('p')]
    p.produces(1, 'price', 'p')
    asker.asks(1, 'price')
    asker.asks(2, 'price')
    asker.says({ type: 'abandon', ask: 1 })
    expect(asker.takes('finished')).toMatchObject([{ ask: 1, summary: { ending: 'abandoned' } }])
    asker.close()
    expect(p.takes('cancel')).toEqual([
      { type: 'cancel', request: 1, because: 'abandoned' },
      { type: 'cancel', request: 2, because: 'abandoned' },
    ])
    expect(asker.told).toEqual([])
    isEmpty(p)
  })

  test('hears of failures and refusals as such', () => {
    const { link, isEmpty } = room()
    const [asker, p] = [link('asker'), link('p')]
    p.produces(1, 'price', 'p')
    p.produces(2, 'price', 'q')
    asker.asks(1, 'price')
    const [one, two] = p.takes('request').map(({ request }) => request) as [number, number]
    const failed = new CaucusError('CAUCUS_HANDLER_FAILED', 'out of stock').toJSON()
    const full = new CaucusError('CAUCUS_OVERLOADED', 'full').toJSON()
    p.says({ type: 'fail', request: one, outcome: 'error', error: failed })
    p.says({ type: 'fail', request: two, outcome: 'refused', error: full })
    expect(asker.takes('failed')).toEqual([
      { type: 'failed', ask: 1, from: 'p', outcome: 'error', error: failed },
      { type: 'failed', ask: 1, from: 'q', outcome: 'refused', error: full },
    ])
    expect(asker.takes('finished')).toMatchObject([{ summary: { errors: 2, refused: 1, ending: 'exhausted' } }])
    isEmpty(asker, p)
  })
})

describe('a producer', () => {
  test('whose id another one takes is fenced, and its part of every ask is over', () => {
    const { link, isEmpty } = room()
    const [asker, p, q] = [link('asker'), link('p'), link('q')]
    p.produces(1, 'price', 'same')
    asker.asks(1, 'price')
    q.produces(4, 'price', 'same')
    expect(p.takes('fenced')).toEqual([{ type: 'fenced', producer: 1 }])
    expect(asker.takes('finished')).toMatchObject([{ summary: { left: ['same'] } }])
    p.replies(1)
    expect(p.faults).toEqual([])
    isEmpty(asker, p, q)
  })

  test('that withdraws answers what it has and gets no more', () => {
    const { link, isEmpty } = room()
    const [asker, p] = [link('asker'), link('p')]
    p.produces(1, 'price', 'p')
    asker.asks(1, 'price')
    p.says({ type: 'withdraw', producer: 1 })
    asker.asks(2, 'price')
    p.replies(p.request())
    p.says({ type: 'leave', producer: 1 })
    expect(asker.takes('finished')).toMatchObject([
      { ask: 2, summary: { ending: 'nobody' } },
      { ask: 1, summary: { replied: 1 } },
    ])
    isEmpty(asker, p)
  })
})

describe('a listener', () => {
  test('hears the replies to everybody, and of those that it did not read how many there were', () => {
    const { clock, link, isEmpty } = room({ linkBytes: 100 })
    const [asker, p, ears] = [link('asker'), link('p'), link('ears')]
    p.produces(1, 'price', 'p')
    ears.says({ type: 'listen', listener: 3, topic: 'price' })
    const askAndAnswer = (ask: number) => {
      asker.asks(ask, 'price')
      p.replies(p.request(), json(ask))
    }
    askAndAnswer(1)
    ears.bufferedBytes = 101
    askAndAnswer(2)
    askAndAnswer(3)
    clock.advance(1_000)
    expect(ears.told).toHaveLength(1)
    ears.bufferedBytes = 0
    clock.advance(1_000)
    askAndAnswer(4)
    expect(ears.told.map((each) => (each.type === 'heard' ? saidIn(each.payload) : each))).toEqual([
      1,
      { type: 'gap', listener: 3, dropped: 2 },
      4,
    ])
    ears.says({ type: 'unlisten', listener: 3 })
    askAndAnswer(5)
    expect(ears.told).toHaveLength(3)
    isEmpty(asker, p, ears)
  })
})

describe('an ask without a link', () => {
  const sink = () => {
    const heard: (Answer | Summary | CaucusError)[] = []
    return {
      heard,
      answered: (answer: Answer) => void heard.push(answer),
      finished: (summary: Summary) => void heard.push(summary),
      failed: (error: CaucusError) => void heard.push(error),
    }
  }
  const request = { topic: 'price', payload: json(1), until: 'all' as const, withinMs: 100 }

  test('hears what it accepts, and its summary', () => {
    const { host, link, isEmpty } = room()
    const p = link('p')
    p.produces(1, 'price', 'p')
    p.produces(2, 'price', 'q')
    const { heard, ...ears } = sink()
    host.ask('curl', { ...request, accept: (value) => saidIn(value as never) ?? 'x' }, ears)
    const [one, two] = p.takes('request')
    expect(one?.from).toBe('curl')
    p.replies(one?.request as number, json(7))
    p.replies(two?.request as number, { kind: 'stream', stream: two?.request as number })
    expect(heard).toMatchObject([{ from: 'p', value: 7 }, { from: 'q', value: 'stream' }, { replied: 2 }])
    // Nobody reads it.
    expect(p.takes('stop')).toEqual([{ type: 'stop', stream: 2 }])
    isEmpty(p)
  })

  test('that does not accept a reply has a failure in its place', () => {
    const { host, link, isEmpty } = room()
    const p = link('p')
    p.produces(1, 'price', 'p')
    const { heard, ...ears } = sink()
    const accept = () => {
      throw new CaucusError('CAUCUS_TOO_LARGE', 'no streams here')
    }
    host.ask('curl', { ...request, accept }, ears)
    p.replies(p.request(), { kind: 'stream', stream: 1 })
    expect(heard).toMatchObject([{ outcome: 'error', error: { code: 'CAUCUS_TOO_LARGE' } }, { errors: 1 }])
    expect(p.takes('stop')).toHaveLength(1)
    isEmpty(p)
  })

  test('is abandoned, or ended with the host, and hears nothing more than that', () => {
    const { clock, host, link } = room()
    const p = link('p')
    p.produces(1, 'price', 'p')
    const [one, two, three] = [sink(), sink(), sink()]
    host.ask('curl', request, one).abandon()
    host.ask('curl', request, two)
    expect(p.takes('cancel')).toHaveLength(1)
    host.close()
    host.ask('curl', request, three)
    expect([one.heard, two.heard, three.heard]).toMatchObject([
      [],
      [{ code: 'CAUCUS_CLOSED' }],
      [{ code: 'CAUCUS_CLOSED' }],
    ])
    expect(clock.pending).toBe(0)
  })
})

test('who looks on is told how long each ask took', () => {
  const { clock, host, link, isEmpty } = room()
  const [asker, p] = [link('asker'), link('p')]
  const took: [string, number][] = []
  const stop = host.observe(({ ending }, ms) => took.push([ending, ms]))
  p.produces(1, 'price', 'p')
  asker.asks(1, 'price')
  clock.advance(30)
  p.replies(p.request())
  asker.asks(2, 'nothing')
  stop()
  asker.asks(3, 'nothing')
  expect(took).toEqual([
    ['met', 30],
    ['nobody', 0],
  ])
  isEmpty(asker, p)
})
