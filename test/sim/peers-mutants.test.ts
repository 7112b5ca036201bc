import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { PEERS } from '../../src/testing/mutants/peers.ts'
import { built, root } from './built.ts'

/** Each is noticed within a few seeds. The others: `npm run mutants`. */
const QUICK = ['begins-before-a-majority-knows', 'reign-outlives-its-lease@3', 'instance-of-its-own']

test('a broken rule of a coordinator that moves from peer to peer is noticed', () => {
  built()
  const args = ['scripts/mutants.mjs', '--only', QUICK.join(','), '--seeds', '10']
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(stdout.trim().split('\n').at(-1)).toBe(`${QUICK.length} of ${QUICK.length} caught`)
  expect(status).toBe(0)
}, 240_000)

test('every invariant of several peers has a mutant of its own', () => {
  const broken = new Set(PEERS.flatMap(({ breaks }) => breaks))
  for (const name of ['Belief', 'Lead', 'E8', 'E9', 'G3', 'G6', 'G7', 'U1'] as const) expect(broken).toContain(name)
  expect(new Set(PEERS.map(({ name }) => name)).size).toBe(PEERS.length)
})
