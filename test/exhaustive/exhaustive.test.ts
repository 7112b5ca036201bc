import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import { IN_REACH } from '../../src/testing/exhaustive/reach.ts'
import { SCENES } from '../../src/testing/exhaustive/scenes.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const run = (...args: string[]) => spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
const explore = (...args: string[]) => run('scripts/exhaustive.mjs', ...args)
/** On a busy machine; by itself all of it takes about ten seconds of one core. Further: `npm run exhaustive`. */
const MINUTES = 240_000
const lastLine = (text: string) => text.trim().split('\n').at(-1)

/** States are compared in a copy of built code. */
beforeAll(() => {
  const { stderr } = run('scripts/ready.mjs')
  expect(stderr.includes('failed') ? stderr : '').toBe('')
}, MINUTES)

test(
  'every schedule of three actions, one of them a trouble, from every beginning keeps every invariant',
  () => {
    const { stdout, stderr, status } = explore('--depth', '3', '--troubles', '1')
    expect(stderr).toBe('')
    expect(stdout.match(/depth 3, troubles 1/g)).toHaveLength(SCENES.length)
    expect(lastLine(stdout)).toMatch(/: every invariant held in all of them$/)
    expect(status).toBe(0)
  },
  MINUTES,
)

test(
  'every schedule of four actions without any trouble from every beginning keeps every invariant',
  () => {
    const { stdout, stderr } = explore('--depth', '4', '--troubles', '0')
    expect(stderr).toBe('')
    expect(lastLine(stdout)).toMatch(/: every invariant held in all of them$/)
  },
  MINUTES,
)

test(
  'a broken rule is found by the shortest way on which it shows',
  () => {
    const near = IN_REACH.filter(({ depth }) => depth <= 4).length
    const { stdout, stderr } = explore('--mutants', '--depth', '4')
    expect(stderr).toBe('')
    expect(lastLine(stdout)).toBe(`${near} of ${near} caught`)
  },
  MINUTES,
)

test(
  'what cannot be explored is refused in a sentence',
  () => {
    expect(explore('--scene', 'nowhere').stderr).toMatch(/^there is no scene "nowhere"; take one of index-empty, /)
    expect(explore('--depth', 'far').stderr).toBe('--depth takes a whole number from 0 to 20, not "far"\n')
  },
  MINUTES,
)
