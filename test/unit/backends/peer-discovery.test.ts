import { describe, expect, test } from 'vitest'
import { Discovery, type DiscoveryEvent } from '../../../src/backends/peer/discovery.ts'
import { type SeedAddress, showSeed } from '../../../src/backends/peer/seeds.ts'
import { CaucusError } from '../../../src/errors.ts'
import type { PeerAddressed } from '../../../src/ports/peers.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'

const voter = (identifier: string, change: object = {}) => ({
  identifier,
  host: `${identifier}.example`,
  port: 7,
  metadata: {},
  self: false,
  ...change,
})
const answerOf = (...peers: readonly object[]): string => JSON.stringify({ cluster: 'c', peers })
const turns = () => new Promise<void>((resolve) => setImmediate(resolve))

const stage = (seeds: readonly SeedAddress[]) => {
  const clock = new SimulatedClock()
  /** What each address answers; one that is missing refuses. */
  const answers = new Map<string, string>()
  const asked: string[] = []
  const found: (readonly PeerAddressed[])[] = []
  const told: DiscoveryEvent[] = []
  const discovery = new Discovery({
    cluster: 'c',
    identifier: 'o',
    clock,
    pauseMaxMs: 1_000,
    random: () => 0.5,
    ask: (address) => {
      const name = showSeed(address)
      asked.push(name)
      const text = answers.get(name)
      const refused = new CaucusError('CAUCUS_CONNECTION_LOST', 'nobody there')
      return { answer: text === undefined ? Promise.reject(refused) : Promise.resolve(text), end: () => undefined }
    },
    lookUp: async () => ({ addresses: seeds, problems: seeds.length === 0 ? ['file:x names no seed'] : [] }),
    found: (voters) => void found.push(voters),
    tell: (event) => void told.push(event),
    onFault: (error) => expect.fail(String(error)),
  })
  return { clock, answers, asked, found, told, discovery }
}

const [one, two] = [
  { host: 'one', port: 1 },
  { host: '10.0.0.2', port: 2 },
]

describe('an observer finds the voters', () => {
  test('by the first seed that says who they are, however the others answer', async () => {
    const { discovery, answers, found, told, asked } = stage([one, two])
    answers.set('10.0.0.2:2', answerOf(voter('b'), voter('a', { self: true, host: '0.0.0.0' })))
    discovery.seek()
    discovery.seek()
    await turns()
    expect(asked).toEqual(['one:1', '10.0.0.2:2'])
    expect(found).toEqual([
      [
        { identifier: 'a', host: '10.0.0.2', port: 7, metadata: {} },
        { identifier: 'b', host: 'b.example', port: 7, metadata: {} },
      ],
    ])
    expect(told).toEqual([{ type: 'voters.learned', voters: ['a', 'b'] }])
  })

  test.each([
    [
      'is of another cluster',
      JSON.stringify({ cluster: 'd', peers: [voter('a')] }),
      'is of the cluster "d", not of "c"',
    ],
    ['knows of none itself', answerOf(), 'knows of no voters yet'],
    ['has a voter of this very name', answerOf(voter('o')), 'give this observer another identifier'],
    ['answers something else', '{}', 'does not say who the voters are'],
  ])('not by one that %s', async (_what, text, problem) => {
    const { discovery, answers, found, told } = stage([one])
    answers.set('one:1', text)
    discovery.seek()
    await turns()
    expect(found).toEqual([])
    expect(told).toEqual([{ type: 'seeds.failed', problems: [expect.stringContaining(problem)] }])
    discovery.close()
  })

  test('some time, when no seed answers: it goes on, says so once, and says it again only after one has answered', async () => {
    const { discovery, answers, clock, found, told, asked } = stage([one])
    discovery.seek()
    await turns()
    for (let times = 0; times < 5; times++) {
      clock.advance(1_000)
      await turns()
    }
    expect(asked).toHaveLength(6)
    expect(told).toEqual([{ type: 'seeds.failed', problems: ['one:1 could not be asked: nobody there'] }])
    answers.set('one:1', answerOf(voter('a')))
    clock.advance(1_000)
    await turns()
    expect(found).toHaveLength(1)
    answers.clear()
    discovery.seek()
    await turns()
    expect(told.map(({ type }) => type)).toEqual(['seeds.failed', 'voters.learned', 'seeds.failed'])
    discovery.close()
    expect(clock.pending).toBe(0)
  })

  test('again by the voters of last time, when no seed is left, and tells only of those that are new', async () => {
    const { discovery, answers, found, told } = stage([one])
    answers.set('one:1', answerOf(voter('a'), voter('b')))
    discovery.seek()
    await turns()
    answers.delete('one:1')
    answers.set('b.example:7', answerOf(voter('b', { self: true }), voter('a')))
    discovery.seek()
    await turns()
    answers.set('b.example:7', answerOf(voter('b'), voter('a', { port: 8 })))
    discovery.seek()
    await turns()
    expect(found).toHaveLength(3)
    expect(found.at(-1)).toMatchObject([{ identifier: 'a', port: 8 }, { identifier: 'b' }])
    expect(told).toEqual(Array(2).fill({ type: 'voters.learned', voters: ['a', 'b'] }))
  })

  test('never, when its file is empty', async () => {
    const { discovery, told } = stage([])
    discovery.seek()
    await turns()
    expect(told).toEqual([{ type: 'seeds.failed', problems: ['file:x names no seed'] }])
    discovery.close()
  })
})
