import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { ELECTION } from '../../src/testing/mutants/election.ts'
import { built, root } from './built.ts'

/** Each is noticed by the first seed, or by the one behind `@`, or soon after it. The others: `npm run mutants`. */
const QUICK = [
  'vote-twice@5',
  'vote-before-it-is-durable@2',
  'votes-while-promised@5',
  'no-sit-out@2',
  'leader-lease-from-reply-time@2',
  'no-pre-vote@2',
  'no-check-quorum@3',
  'resumes-after-a-transfer@6',
  'rejoins-after-a-majority@3',
  'founded-by-less-than-all@2',
  'lost-tether-counts-as-an-end@3',
  'tether-closed-and-still-leading',
  'queued-acknowledgement-after-a-close@5',
  'tether-through-a-proxy@3',
]

test('a broken rule of elections is noticed', () => {
  built()
  const args = ['scripts/mutants.mjs', '--only', QUICK.join(','), '--seeds', '40']
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(stdout.trim().split('\n').at(-1)).toBe(`${QUICK.length} of ${QUICK.length} caught`)
  expect(status).toBe(0)
}, 240_000)

test('every invariant of elections has a mutant of its own', () => {
  const broken = new Set(ELECTION.flatMap(({ breaks }) => breaks))
  const numbered = ['E1', 'E2', 'E3', 'E4', 'E5', 'E6', 'E7', 'E8', 'E9', 'E10'] as const
  const named = ['Promise', 'Bound', 'SitOut', 'Count', 'LetGo', 'Founding', 'Rejoin', 'Quiet', 'Tether'] as const
  for (const name of [...numbered, ...named]) expect(broken).toContain(name)
  expect(new Set(ELECTION.map(({ name }) => name)).size).toBe(ELECTION.length)
})
