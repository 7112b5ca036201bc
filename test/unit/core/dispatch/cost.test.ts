import { expect, test } from 'vitest'
import { Hub } from '../../../../src/core/dispatch/hub.ts'
import type { Target, Until } from '../../../../src/core/dispatch/messages.ts'

const hub = (
  producers: number,
  { listeners = 0, queue }: { listeners?: number; queue?: (n: number) => string } = {},
) => {
  const made = new Hub({ asks: 10, producers: 10_000, listeners: 100 })
  for (let n = 1; n <= producers; n++) {
    const more = { concurrency: 1, ...(queue !== undefined && { queue: queue(n) }) }
    made.step({ type: 'produce', producer: n, peer: 1, topic: 'price', id: `p-${n}`, ...more }, 0)
  }
  for (let n = 1; n <= listeners; n++) made.step({ type: 'listen', listener: n, peer: 1, topic: 'price' }, 0)
  const cost = (until: Until = 'all', to?: Target) => made.cost({ topic: 'price', until, to })
  return { made, cost }
}

test('an ask costs a message for each who is asked, and for each listener to each reply that is wanted', () => {
  expect(hub(0).cost()).toBe(1)
  expect(hub(40).cost()).toBe(40)
  expect(hub(40).made.cost({ topic: 'another', until: 'all', to: undefined })).toBe(1)
  const { cost } = hub(40, { listeners: 10 })
  expect([cost('all'), cost('first'), cost(3), cost({ quiet: 100 })]).toEqual([440, 50, 70, 440])
})

test('an ask for a few costs as many, and a little for the search among all', () => {
  const { cost } = hub(1_000)
  expect([cost('all', { pick: 1 }), cost('all', { id: 'p-7' }), cost('all', { id: ['p-7', 'p-8'] })]).toEqual([
    21, 21, 22,
  ])
  expect(cost('all', { pick: 5_000 })).toBe(1_020)
})

test('whoever has much metadata compared pays for that', () => {
  const { cost } = hub(1_000)
  const small = cost('all', { pick: 1, metadata: { zone: 'a' } })
  const large = cost('all', { pick: 1, metadata: { zones: new Array(1_000).fill(0) } })
  expect(small).toBeGreaterThan(21)
  expect(large).toBeGreaterThan(50 * small)
})

test('a queue counts as one, whoever comes and goes in it', () => {
  const { made, cost } = hub(100, { queue: (n) => `q-${n % 4}` })
  expect(cost()).toBe(4 + 2)
  for (let n = 1; n <= 100; n++) if (n % 4 !== 0) made.step({ type: 'left', producer: n }, 0)
  expect(cost()).toBe(1 + 1)
  made.step({ type: 'produce', producer: 101, peer: 1, topic: 'price', id: 'p-4', concurrency: 1 }, 0)
  expect(cost()).toBe(2 + 1)
})

test('the one that is picked is the least busy, and of those the one whose turn it is', () => {
  const { made } = hub(3)
  const picked = (ask: number) => {
    const message = { ask, peer: 2, asker: ask, topic: 'price', payload: 1, until: 'all', withinMs: 100 } as const
    const [request] = made.step({ type: 'ask', ...message, to: { pick: 1 } }, 0)
    return request?.type === 'request' ? request.expected.map(({ id }) => id) : []
  }
  expect([1, 2, 3, 4].map(picked)).toEqual([['p-1'], ['p-2'], ['p-3'], ['p-1']])
})
