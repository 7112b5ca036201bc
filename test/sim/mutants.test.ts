import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { mutated } from '../../src/testing/mutants/mutant.ts'
import { MUTANTS } from '../../src/testing/mutants.ts'
import { built, root } from './built.ts'

/** Each is noticed by the first seed, or by the one behind `@`, or soon after it: together they take seconds. The others: `npm run mutants`. */
const QUICK = [
  'lease-from-reply-time',
  'validity-is-a-flag',
  'acknowledgement-without-epoch@21',
  'no-barrier@3',
  'revoke-and-grant-in-one-step',
  'overrun-forced@3',
  'first-grants-at-once',
  'first-view-at-once@3',
  'blank-directory-skips-the-wait',
  'adoption-gives',
  'epochs-restart@8',
  'epoch-given-twice',
  'totals-differ@2',
  'nothing-is-adopted',
  'settled-before-granted',
  'static-return-at-once@3',
  'stop-of-a-static-settles@3',
  'return-renumbers-by-revokes@35',
  'pins-ignored@23',
  'drained-is-given-more@5',
  'order-before-it-is-durable@16',
  'unequal-loads',
  'moves-more-than-needed',
  'ends-twice',
  'left-not-completed@4',
  'abandon-forgets-cancel@2',
  'answered-after-the-end',
  'second-answer-counted',
  'instants-from-the-wall-clock-alone@4',
  'run-again-when-lost@5',
  'done-without-a-report@5',
  'past-for-ever-open',
  'foreign-answer-accepted@6',
  'limit-not-armed',
  'nobody-waits',
  'asked-twice',
  'expected-changes-after-send@5',
  'listeners-before-the-asker',
  'no-refusal@2',
  'producers-not-registered-again@4',
  'answer-of-another-seat',
]

/** By itself it takes a quarter of a minute. */
test('a broken rule is noticed', () => {
  const run = (...args: string[]) => spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  built()
  const { stdout, stderr, status } = run('scripts/mutants.mjs', '--only', QUICK.join(','), '--seeds', '60')
  expect(stderr).toBe('')
  expect(stdout.trim().split('\n').at(-1)).toBe(`${QUICK.length} of ${QUICK.length} caught`)
  expect(status).toBe(0)
}, 240_000)

test('every mutant still finds the text that it breaks', () => {
  const dist = built()
  for (const mutant of MUTANTS) {
    const text = readFileSync(join(dist, mutant.file), 'utf8')
    expect(mutated(mutant, text), mutant.name).not.toBe(text)
  }
})

test('every invariant of groups, assignment, topics and drivers has a mutant of its own', () => {
  const broken = new Set(MUTANTS.flatMap(({ breaks }) => breaks))
  for (const name of [
    'G1',
    'G2',
    'G3',
    'G4',
    'G5',
    'G6',
    'G7',
    'G8',
    'A1',
    'A2',
    'A3',
    'A4',
    'S1',
    'S2',
    'F1',
    'F2',
    'D1',
    'O1',
    'T1',
    'T2',
    'N1',
    'N2',
    'N3',
    'N4',
    'Effect',
    'Order',
    'Told',
    'U1',
    'U2',
    'U3',
    'U4',
    'Drain',
    'E8',
    'P1',
    'P2',
    'P3',
    'P4',
    'P5',
    'P6',
    'Roster',
    'Count',
    'Truth',
    'Heard',
    'Turn',
  ] as const) {
    expect(broken).toContain(name)
  }
  expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length)
})
