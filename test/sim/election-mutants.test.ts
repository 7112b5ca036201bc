import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { ELECTION } from '../../src/testing/mutants/election.ts'
import { built, root } from './built.ts'

/** Each is noticed within a few seeds. The others: `npm run mutants`. */
const QUICK = [
  'vote-twice',
  'vote-before-it-is-durable',
  'votes-while-promised',
  'no-sit-out',
  'leader-lease-from-reply-time',
  'no-pre-vote',
  'no-check-quorum',
  'resumes-after-a-transfer',
  'rejoins-after-a-majority',
  'founded-by-less-than-all',
  'lost-tether-counts-as-an-end',
  'tether-closed-and-still-leading',
  'queued-acknowledgement-after-a-close',
  'tether-through-a-proxy',
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
