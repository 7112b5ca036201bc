import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { REPLICATION } from '../../src/testing/mutants/replication.ts'
import { built, root } from './built.ts'

/** Each is noticed by the first seed, or by the one behind `@`, or soon after it. The others: `npm run mutants`. */
const QUICK = [
  'answers-before-it-is-durable',
  'answers-below-the-promise',
  'collected-is-kept-back',
  'own-answer-before-it-is-durable',
  'takes-the-first-entry',
  'leads-by-less-than-a-majority',
  'entry-of-an-earlier-process@7',
  'blank-answers',
  'recovers-after-a-majority',
  'recovers-in-one-round',
]

test('a broken rule of the register is noticed', () => {
  built()
  const args = ['scripts/mutants.mjs', '--only', QUICK.join(','), '--seeds', '40']
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(stdout.trim().split('\n').at(-1)).toBe(`${QUICK.length} of ${QUICK.length} caught`)
  expect(status).toBe(0)
}, 240_000)

test('every invariant of the register has a mutant of its own', () => {
  const broken = new Set(REPLICATION.flatMap(({ breaks }) => breaks))
  const numbered = ['R1', 'R2', 'R3', 'R4', 'R5'] as const
  const named = ['Kept', 'Promise', 'Count', 'Blank', 'Recovery', 'Process', 'Again', 'Nonsense'] as const
  for (const name of [...numbered, ...named]) expect(broken).toContain(name)
  expect(new Set(REPLICATION.map(({ name }) => name)).size).toBe(REPLICATION.length)
})
