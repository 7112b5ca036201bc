import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { ETCD } from '../../src/testing/mutants/etcd.ts'
import { built, root } from './built.ts'

/** Each is noticed within a few seeds. The others: `npm run mutants`. */
const QUICK = [
  'first-grants-of-a-reign-at-once',
  'late-write-ends-nothing@2',
  'shares-of-nobody',
  'readings-in-no-order',
]

test('a broken rule of groups on etcd is noticed', () => {
  built()
  const args = ['scripts/mutants.mjs', '--only', QUICK.join(','), '--seeds', '10']
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(stdout.trim().split('\n').at(-1)).toBe(`${QUICK.length} of ${QUICK.length} caught`)
  expect(status).toBe(0)
}, 240_000)

test('every invariant of groups on etcd has a mutant of its own', () => {
  const broken = new Set(ETCD.flatMap(({ breaks }) => breaks))
  for (const name of ['Belief', 'Lead', 'Order', 'G5', 'G6', 'G7', 'U1'] as const) expect(broken).toContain(name)
  expect(new Set(ETCD.map(({ name }) => name)).size).toBe(ETCD.length)
})
