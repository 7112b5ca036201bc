import { describe, expect, test } from 'vitest'
import type { AskSight, AsksSeen } from '../../../src/core/dispatch/sight.ts'
import {
  Asks,
  chosenOf,
  describeAsk,
  describeLane,
  describeMs,
  describeRate,
  describeUntil,
  lengthOf,
  toneOf,
} from '../../../web/src/views/topics-asks.ts'

const sight = (ask: number, more: Partial<AskSight> = {}): AskSight => ({
  ...{ ask, ageMs: 10, withinMs: 300, until: 'all', expected: 2 },
  ...{ replied: 0, errors: 0, missing: 0, released: 0, lanes: [] },
  ...more,
})
const seen = (asks: readonly AskSight[], more: Partial<AsksSeen> = {}): AsksSeen => ({
  ...{ type: 'asks', anew: false, asks, untold: 0 },
  ...more,
})
const numbers = (asks: Asks) => asks.all().map(({ ask }) => ask)

describe('the asks that a stream tells of', () => {
  test('are put together: newest first, what comes again in the place of what was told, from when it began', () => {
    const asks = new Asks()
    asks.take(seen([sight(1), sight(2)], { anew: true }), 1_000)
    asks.take(seen([sight(1, { ageMs: 400, replied: 2, ending: 'met', tookMs: 300 }), sight(3)], { untold: 7 }), 1_405)
    expect(numbers(asks)).toEqual([3, 2, 1])
    // As this page saw it first: what a later message says about its age was on the way for another time.
    expect(asks.all()[2]).toMatchObject({ beganAtMs: 990, ending: 'met', tookMs: 300 })
    expect(asks.untold).toBe(7)
  })

  test('are forgotten when all of it is told anew', () => {
    const asks = new Asks()
    asks.take(seen([sight(1), sight(2)]), 0)
    asks.take(seen([sight(2)], { anew: true }), 0)
    expect(numbers(asks)).toEqual([2])
  })

  test('are no more than a server keeps, and none that is under way is left out', () => {
    const asks = new Asks()
    for (let ask = 1; ask <= 200; ask++) asks.take(seen([sight(ask, ask === 5 ? {} : { ending: 'met' })]), ask)
    expect(asks.all()).toHaveLength(64)
    expect(numbers(asks).at(-1)).toBe(5)
  })

  test('say how the topic is used, or that nobody is on it', () => {
    const asks = new Asks()
    const rates = {
      ...{ asksPerSecond: 1, repliesPerSecond: 2, errorsPerSecond: 0, refusedPerSecond: 0, timeoutsPerSecond: 0 },
    }
    asks.take(seen([], { producers: 2, listeners: 0, rates }), 0)
    expect(asks.use).toEqual({ producers: 2, listeners: 0, rates })
    asks.take(seen([]), 0)
    expect(asks.use).toBeUndefined()
  })

  test('are shown with those under way first, or only those with a fault', () => {
    const asks = new Asks()
    const all = [
      sight(1),
      sight(2, { ending: 'met' }),
      sight(3, { ending: 'timeout', missing: 1 }),
      sight(4, { errors: 1 }),
      sight(5, { ending: 'nobody', expected: 0 }),
    ]
    asks.take(seen(all), 0)
    const chosen = (filter: Parameters<typeof chosenOf>[1]) => chosenOf(asks.all(), filter).map(({ ask }) => ask)
    expect(chosen('all')).toEqual([4, 1, 5, 3, 2])
    expect(chosen('under way')).toEqual([4, 1])
    expect(chosen('with a fault')).toEqual([4, 5, 3])
  })
})

describe('in words', () => {
  test.each<[string, Partial<AskSight>, string]>([
    ['0 of 2 replied, 2 at work', {}, 'open'],
    ['1 of 2 replied, 1 failed: nobody is left to wait for', { replied: 1, errors: 1, ending: 'exhausted' }, 'warn'],
    ['1 of 2 replied, 1 missing: the limit is over', { replied: 1, missing: 1, ending: 'timeout' }, 'bad'],
    ['1 of 2 replied, 1 not needed: has what it wanted', { replied: 1, released: 1, ending: 'met' }, 'good'],
    ['0 of 2 replied, 2 not needed: called off', { released: 2, ending: 'abandoned' }, 'warn'],
    ['nobody was there to answer', { expected: 0, ending: 'nobody' }, 'bad'],
  ])('%s', (words, more, tone) => {
    expect(describeAsk(sight(1, more))).toBe(words)
    expect(toneOf(sight(1, more))).toBe(tone)
  })

  test('a lane says what came, when, and with which code', () => {
    expect(describeLane({ id: 'a', outcome: 'waiting' })).toBe('at work')
    expect(describeLane({ id: 'a', outcome: 'reply', afterMs: 4.23 })).toBe('replied after 4.2 ms')
    expect(describeLane({ id: 'a', outcome: 'reply' })).toBe('replied')
    expect(describeLane({ id: 'a', outcome: 'timeout', afterMs: 300.2 })).toBe('no answer in 300 ms')
    expect(describeLane({ id: 'a', outcome: 'error', afterMs: 5, code: 'CAUCUS_HANDLER_FAILED' })).toBe(
      'failed after 5 ms, CAUCUS_HANDLER_FAILED',
    )
    // Of a server that is newer than this page.
    expect(describeLane({ id: 'a', outcome: 'asleep' as 'left' })).toBe('asleep')
  })

  test('a length is a part of the longest, and is seen however short', () => {
    expect(lengthOf({ id: 'a', outcome: 'reply', afterMs: 50 }, 100)).toBe(0.5)
    expect(lengthOf({ id: 'a', outcome: 'waiting' }, 100)).toBe(1)
    // It came before anybody looked: when is not known.
    expect(lengthOf({ id: 'a', outcome: 'reply' }, 100)).toBe(0)
    expect(lengthOf({ id: 'a', outcome: 'reply', afterMs: 0 }, 0)).toBeGreaterThan(0)
    expect(lengthOf({ id: 'a', outcome: 'reply', afterMs: 500 }, 100)).toBe(1)
  })

  test.each([
    [0.04, '0 ms'],
    [4.23, '4.2 ms'],
    [42.3, '42 ms'],
    [999, '999 ms'],
    [1_234, '1.2 s'],
    [61_000, '61 s'],
  ])('%s ms are %s', (ms, words) => expect(describeMs(ms)).toBe(words))

  test.each([
    [undefined, '–'],
    [0, '0'],
    [0.02, '< 0.1'],
    [3.21, '3.2'],
    [42.3, '42'],
    [12_345.6, '12,346'],
  ])('a rate of %s is %s', (rate, words) => expect(describeRate(rate)).toBe(words))

  test('it is said what an ask wants', () => {
    const until = (wanted: AskSight['until']) => describeUntil(sight(1, { until: wanted }))
    expect([until('all'), until('first'), until(1), until(3), until({ quiet: 5 })]).toEqual([
      'within 300 ms',
      'the first, within 300 ms',
      '1 reply, within 300 ms',
      '3 replies, within 300 ms',
      'until it is quiet, within 300 ms',
    ])
  })
})
