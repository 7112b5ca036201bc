import { connect, embedded } from 'caucus'
import { afterEach, expect, test, vi } from 'vitest'
import { isMyItem, runWithBlocClient, runWithCaucus, type Work } from '../../examples/bloc-items.ts'
import { OriginalBloc } from './support/original-bloc.ts'

/** The items of bloc's README. */
const ITEMS = [
  '365f54e9-5de8-4509-be16-38e0c37f5fe9',
  'f6a6a396-d0bf-428a-b63b-830f98874b6c',
  '6bec3551-163d-4eb8-b2d8-1f2c4b106d33',
  'b6691e16-1d95-42de-8ad6-7aa0c81fe080',
]

let stop = new AbortController()
const cleanups: (() => unknown)[] = []

afterEach(async () => {
  stop.abort()
  stop = new AbortController()
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** Work that notes which node did what in the round that is under way. */
const node = (name: string, done: Map<string, Set<string>>): Work => ({
  everyMs: 20,
  getItemsToProcess: async () => ITEMS,
  processItem: async (item) => {
    const nodes = done.get(item) ?? new Set()
    done.set(item, nodes.add(name))
  },
})

const running = (run: Promise<void>) => cleanups.push(() => run)

/** Each item was done by one of the two, and each of the two did some. */
const isSplit = (done: Map<string, Set<string>>) => {
  const nodes = ITEMS.map((item) => [...(done.get(item) ?? [])].join())
  expect(nodes.every((names) => names === 'A' || names === 'B')).toBe(true)
  expect(new Set(nodes).size).toBe(2)
}

/** The nodes change over as they find each other: only what was done since then counts. */
const eventuallySplit = (done: Map<string, Set<string>>) =>
  vi.waitFor(
    () => {
      try {
        isSplit(done)
      } catch (error) {
        done.clear()
        throw error
      }
    },
    { timeout: 20_000, interval: 200 },
  )

test('two nodes split the items, with BlocClient and the original server', async () => {
  const bloc = await OriginalBloc.start({ timeoutMs: 4_000, settleMs: 400 })
  cleanups.push(() => bloc.close())
  const done = new Map<string, Set<string>>()
  for (const name of ['A', 'B']) running(runWithBlocClient(bloc.address, 0.1, node(name, done), stop.signal))
  await eventuallySplit(done)
})

test('two nodes split the items, with the SDK', async () => {
  const caucus = await connect(embedded())
  cleanups.push(() => caucus[Symbol.asyncDispose]())
  const done = new Map<string, Set<string>>()
  for (const name of ['A', 'B']) running(runWithCaucus(caucus, node(name, done), stop.signal))
  await eventuallySplit(done)
})

test('every item is of exactly one index', () => {
  for (const item of ITEMS) {
    for (const total of [1, 2, 3, 7]) {
      const indexes = Array.from({ length: total }, (_, place) => place + 1)
      expect(indexes.filter((index) => isMyItem([index, total], item))).toHaveLength(1)
    }
  }
})
