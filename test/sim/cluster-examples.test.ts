import { expect, test } from 'vitest'
import { careful, search, slow, trial } from '../../examples/slow-handler.ts'

const SEEDS = 12

test('a handler that takes too long is found, with what broke, when, and how little it takes', async () => {
  const found = await search(slow, SEEDS)
  expect(found).toMatch(/^seed \d+: Work at [\d ]+ ms: m\d and m\d both worked on partition \d/)
  expect(found).toMatch(/m\d went on working on partition \d for [\d ]+ ms after the signal of its drain was aborted/)
  const story = found.slice(found.indexOf('What went wrong'), found.indexOf('│ runs'))
  expect(story).toMatch(/m\d joins/)
  expect(story).toMatch(/m\d is cut off for [\d ]+ ms/)
  expect(story.trim().split('\n')).toHaveLength(3)
})

test('what was found happens again, from its seed and its schedule as they are printed', async () => {
  const first = await trial(6, slow)
  const again = await trial(6, slow)
  expect(first.ok).toBe(false)
  expect(again.hash).toBe(first.hash)
  expect(again.trace()).toEqual(first.trace())
})

test('a handler that listens to its signal passes', async () => {
  expect(await search(careful, SEEDS)).toBe(`${SEEDS} seeds: nothing was found broken`)
})
