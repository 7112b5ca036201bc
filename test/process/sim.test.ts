import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { endAll, startCaucus } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

const folder = mkdtempSync(join(tmpdir(), 'caucus-sim-'))
afterEach(endAll)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const sim = async (...args: string[]) => {
  const running = startCaucus(['sim', ...args])
  const { code } = await waitFor('the simulator to end', () => running.ended(), { withinMs: 60_000 })
  return { code, stdout: running.stdout(), stderr: running.stderr() }
}
/** What the last line says, without what depends on the machine. */
const counted = (stdout: string) => {
  const { eventsPerSecond, eventsPerSecondPerJob, elapsedMs, jobs, ...rest } = JSON.parse(
    stdout.trim().split('\n').at(-1) ?? '',
  )
  return rest
}
/** How many ranges of seeds a state says are done. */
const rangesDone = (state: string): number =>
  existsSync(state) ? JSON.parse(readFileSync(state, 'utf8')).sweep.done.length : 0

describe('caucus sim', () => {
  test('counts the same with one job and with three', async () => {
    const [one, three] = await Promise.all(['1', '3'].map((jobs) => sim('--seeds', '6', '--jobs', jobs, '--json')))
    expect([one?.code, three?.code]).toEqual([0, 0])
    expect(counted(three?.stdout ?? '')).toEqual(counted(one?.stdout ?? ''))
    const { seeds, violations, coverage } = counted(one?.stdout ?? '')
    expect({ seeds, violations }).toEqual({ seeds: 6, violations: [] })
    expect(coverage.seeds).toBe(1)
    expect(coverage.blocks.reached).toBeGreaterThan(300)
    expect(coverage.unreached.length).toBeGreaterThan(0)
  })

  test('also runs the drivers', async () => {
    const { code, stdout } = await sim('--level', 'drivers', '--seeds', '2', '--jobs', '2', '--json')
    const { seeds, violations, coverage } = counted(stdout)
    expect({ code, seeds, violations }).toEqual({ code: 0, seeds: 2, violations: [] })
    expect(coverage.functions.reached).toBeGreaterThan(300)
  })

  test('goes on after kill -9, and ends as if nothing had happened', async () => {
    const state = join(folder, 'killed.json')
    const args = ['--seeds', '12', '--json']
    const killed = startCaucus(['sim', ...args, '--state', state, '--jobs', '2'])
    await waitFor('some seeds to be written down', () => rangesDone(state) > 0)
    expect(await killed.stop('SIGKILL')).toBe(null)
    const [resumed, whole] = await Promise.all([sim(...args, '--state', state, '--jobs', '1'), sim(...args)])
    expect(resumed.code).toBe(0)
    expect(counted(resumed.stdout)).toEqual(counted(whole.stdout))
    expect(readdirSync(folder)).toEqual(['killed.json'])

    const other = await sim(...args, '--state', state, '--profile', 'churn')
    expect(other.code).toBe(2)
    expect(other.stderr).toContain('--profile drawn, not churn')
    expect(other.stderr).toContain('(CAUCUS_INVALID_ARGUMENT)')

    writeFileSync(state, readFileSync(state, 'utf8').slice(0, 200))
    const damaged = await sim(...args, '--state', state)
    expect(damaged.code).toBe(2)
    expect(damaged.stderr).toMatch(/is damaged .*remove it to begin anew \(CAUCUS_INVALID_ARGUMENT\)\n$/)
  })

  test('says on Ctrl-C what was done, and ends with 130', async () => {
    const state = join(folder, 'interrupted.json')
    const running = startCaucus(['sim', '--seeds', '1000', '--json', '--state', state, '--jobs', '2'])
    await waitFor('some seeds to be written down', () => rangesDone(state) > 0)
    expect(await running.stop('SIGINT')).toBe(130)
    const { seeds, interrupted, lost } = counted(running.stdout())
    expect({ interrupted, lost }).toEqual({ interrupted: true, lost: [] })
    expect(seeds).toBeGreaterThan(0)
    expect(JSON.parse(readFileSync(state, 'utf8')).sweep.tally.seeds).toBe(seeds)
  })

  test('ends with 1 on a mutant that it catches, and says how to run it again', async () => {
    const { code, stdout, stderr } = await sim('--mutant', 'no-barrier', '--seeds', '60', '--json')
    expect(code).toBe(1)
    const { violations } = counted(stdout)
    expect(stderr).toMatch(/^seed=\d+ step=\d+ invariant=G4/m)
    expect(stderr).toContain(`Again: caucus sim --mutant no-barrier --seed ${violations.at(-1).seed} --seeds 1\n`)
  })

  test.each([
    [['--jobs', '0'], /--jobs .*from 1 to 1024/],
    [['--mutant', 'none-such'], /there is no mutant "none-such"/],
    [['--mutant', 'no-barrier', '--state', 'x.json'], /--state: a mutant runs until it is caught/],
    [['--level', 'hardware'], /--level .*core, drivers/],
    [['--level', 'drivers', '--profile', 'churn'], /--profile churn: .*take swarm, quiet, failover, stalls, beyond/],
  ])('refuses %s', async (args, message) => {
    const { code, stderr } = await sim(...args)
    expect(code).toBe(2)
    expect(stderr).toMatch(message)
  })
})
