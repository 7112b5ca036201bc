import { describe, expect, test } from 'vitest'
import { Hub } from '../../../../src/core/dispatch/hub.ts'
import type { Answer, HubEffect, Until } from '../../../../src/core/dispatch/messages.ts'
import { MAX_LANES } from '../../../../src/core/dispatch/sight.ts'
import type { News } from '../../../../src/core/dispatch/watch.ts'
import { CaucusError } from '../../../../src/errors.ts'

const SECRET = 'nobody may see this'
const reply = (from: string): Answer => ({ type: 'reply', from, value: SECRET })
const failure = (from: string, outcome: 'error' | 'refused'): Answer => ({
  type: 'error',
  outcome,
  from,
  error: new CaucusError(outcome === 'error' ? 'CAUCUS_HANDLER_FAILED' : 'CAUCUS_OVERLOADED', SECRET),
})

/** A hub with some producers on one topic, and somebody who looks. */
const world = (ids: readonly string[], topic = 'price') => {
  const hub = new Hub({ asks: 1_000, producers: 1_000, listeners: 10 })
  let now = 1_000
  let last = 0
  const step = (input: Parameters<Hub['step']>[0]): readonly HubEffect[] => hub.step(input, now)
  for (const [at, id] of ids.entries()) {
    step({ type: 'produce', producer: at + 1, peer: 1, topic, id, concurrency: 1 })
  }
  let seen: News | undefined
  return {
    hub,
    step,
    advance: (ms: number) => {
      now += ms
      step({ type: 'woke' })
    },
    ask: (until: Until = 'all', withinMs = 100, on = topic): number => {
      step({ type: 'ask', ask: ++last, peer: 9, asker: undefined, topic: on, payload: SECRET, until, withinMs })
      return last
    },
    answer: (ask: number, seat: number, answer: Answer) =>
      step({ type: 'answers', answers: [{ ask, seat, producer: seat + 1, answer }] }),
    watch: (on = topic) => step({ type: 'watch', topic: on }),
    look: (): News => {
      seen = hub.watched(topic)?.since(seen?.version, now) as News
      return seen
    },
  }
}

describe('a topic that is watched', () => {
  test('shows each ask with a lane for everybody who was asked, and when each answered', () => {
    const { watch, ask, answer, advance, look } = world(['a', 'b', 'c', 'd'])
    watch()
    const one = ask()
    advance(10)
    answer(one, 1, reply('b'))
    advance(5)
    answer(one, 0, failure('a', 'error'))
    answer(one, 3, failure('d', 'refused'))
    expect(look()).toMatchObject({
      anew: true,
      untold: 0,
      asks: [{ ask: 1, ageMs: 15, withinMs: 100, until: 'all', expected: 4, replied: 1, errors: 2, missing: 0 }],
    })
    expect(look().asks).toEqual([])
    advance(85)
    const { anew, asks } = look()
    expect(anew).toBe(false)
    expect(asks).toEqual([
      {
        ...{ ask: 1, ageMs: 100, withinMs: 100, until: 'all', expected: 4 },
        ...{ replied: 1, errors: 2, missing: 1, released: 0, ending: 'timeout', tookMs: 100 },
        lanes: [
          { id: 'a', outcome: 'error', afterMs: 15, code: 'CAUCUS_HANDLER_FAILED' },
          { id: 'b', outcome: 'reply', afterMs: 10 },
          { id: 'c', outcome: 'timeout', afterMs: 100 },
          { id: 'd', outcome: 'refused', afterMs: 15, code: 'CAUCUS_OVERLOADED' },
        ],
      },
    ])
    expect(JSON.stringify(asks)).not.toContain(SECRET)
  })

  test('shows who left, who was needed no more, and an ask to nobody', () => {
    const { watch, ask, answer, step, look } = world(['a', 'b', 'c'])
    watch()
    const one = ask('first')
    step({ type: 'left', producer: 1 })
    answer(one, 1, reply('b'))
    step({ type: 'withdraw', producer: 2 })
    step({ type: 'withdraw', producer: 3 })
    ask()
    expect(look().asks.map(({ lanes, ending }) => [lanes.map(({ outcome }) => outcome), ending])).toEqual([
      [['left', 'reply', 'released'], 'met'],
      [[], 'nobody'],
    ])
  })

  test('shows what was under way before anybody looked, and what had come of it', () => {
    const { watch, ask, answer, advance, look } = world(['a', 'b', 'c'])
    const one = ask()
    answer(one, 0, reply('a'))
    answer(one, 1, failure('b', 'error'))
    advance(40)
    watch()
    expect(look().asks[0]).toMatchObject({
      ageMs: 40,
      lanes: [{ outcome: 'reply' }, { outcome: 'error' }, { outcome: 'waiting' }],
    })
    advance(10)
    answer(one, 2, reply('c'))
    expect(look().asks[0]?.lanes).toEqual([
      { id: 'a', outcome: 'reply' },
      { id: 'b', outcome: 'error' },
      { id: 'c', outcome: 'reply', afterMs: 50 },
    ])
  })

  test('is not looked at any more once nobody watches, nor is any other', () => {
    const { hub, watch, ask, step, look, advance } = world(['a'])
    watch()
    ask()
    ask('all', 100, 'other')
    expect(look().asks).toHaveLength(1)
    step({ type: 'unwatch', topic: 'price' })
    step({ type: 'unwatch', topic: 'price' })
    expect(hub.watched('price')).toBeUndefined()
    advance(200)
    ask()
    watch()
    watch()
    // It begins anew: what has ended meanwhile nobody knows.
    expect(hub.watched('price')?.since(undefined, 2_000).asks).toMatchObject([{ ask: 1, ageMs: 800 }])
  })

  test('shows a sample of many, evenly, and says how many others there were', () => {
    const { watch, ask, answer, advance, look } = world(['a'])
    watch()
    let shown = 0
    let untold = 0
    for (let i = 0; i < 1_000; i++) {
      answer(ask(), 0, reply('a'))
      advance(10)
      const news = look()
      shown += new Set(news.asks.map(({ ask }) => ask)).size
      untold = news.untold
    }
    expect(shown + untold).toBe(1_000)
    // Ten seconds of twenty, and what may come at once in the beginning.
    expect(shown).toBeGreaterThanOrEqual(200)
    expect(shown).toBeLessThanOrEqual(221)
  })

  test('shows those first in which somebody failed, however many others there are', () => {
    const { watch, ask, answer, advance, look } = world(['a', 'b'])
    watch()
    let faults = 0
    for (let i = 0; i < 2_000; i++) {
      const one = ask()
      answer(one, 0, reply('a'))
      answer(one, 1, i % 400 === 399 ? failure('b', 'error') : reply('b'))
      advance(1)
      faults += look().asks.filter(({ errors }) => errors > 0).length
    }
    expect(faults).toBe(5)
  })

  test('follows whatever is under way to its end, and forgets the oldest that has ended', () => {
    const { watch, ask, advance, look } = world(['a'])
    watch()
    for (let i = 0; i < 80; i++) {
      ask('all', 10_000)
      advance(60)
    }
    const before = look()
    expect([before.asks.length, before.untold]).toEqual([64, 16])
    expect(before.asks.every(({ ending }) => ending === undefined)).toBe(true)
    advance(20_000)
    expect(look().asks.every(({ ending }) => ending === 'timeout')).toBe(true)
    ask()
    expect(look()).toMatchObject({ anew: false, asks: [{ expected: 1, lanes: [{ outcome: 'waiting' }] }] })
  })

  test('tells all of it anew to somebody who missed the end of one that is forgotten', () => {
    const { hub, watch, ask, answer, advance } = world(['a'])
    watch()
    const seen = hub.watched('price')?.since(undefined, 1_000)
    const one = ask()
    const begun = hub.watched('price')?.since(seen?.version, 1_000)
    answer(one, 0, reply('a'))
    for (let i = 0; i < 70; i++) {
      answer(ask(), 0, reply('a'))
      advance(60)
    }
    const news = hub.watched('price')?.since(begun?.version, 10_000)
    expect(news?.anew).toBe(true)
    expect(news?.asks).toHaveLength(64)
    expect(news?.asks.some(({ ask }) => ask === 1)).toBe(false)
  })

  test('shows of very many first those who have not replied', () => {
    const ids = Array.from({ length: 200 }, (_, at) => `p${String(at).padStart(3, '0')}`)
    const { watch, ask, answer, advance, look } = world(ids)
    watch()
    const one = ask()
    for (const [seat, id] of ids.entries()) if (seat !== 150 && seat !== 7) answer(one, seat, reply(id))
    advance(100)
    const [sight] = look().asks
    expect(sight).toMatchObject({ expected: 200, replied: 198, missing: 2 })
    expect(sight?.lanes).toHaveLength(MAX_LANES)
    const missing = sight?.lanes.filter(({ outcome }) => outcome === 'timeout').map(({ id }) => id)
    expect(missing).toEqual(['p007', 'p150'])
    const shown = sight?.lanes.map(({ id }) => id) ?? []
    expect(shown).toEqual([...shown].sort())
  })
})
