import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { signalProcess } from '../../src/testing/trial/processes.ts'
import { endAll, type RunningServer, startCaucus, startServer } from './support/processes.ts'
import { waitFor } from './support/wait.ts'
import { isAlive, type Run, WorkRuns, type Wrapped } from './support/work-runs.ts'

/** A lease that a busy machine can keep, and that ends soon when nobody does. */
const LEASE_NS = 3e9
const TIMING = ['--timeout', '3', '--settle', '0.2', '--fresh']
/** Where no lease is to end. */
const STEADY = ['--timeout', '15', '--settle', '0.2', '--fresh']

let runs: WorkRuns
beforeEach(() => {
  runs = new WorkRuns()
})
afterEach(async () => {
  await endAll()
  runs.remove()
})

const working = (wrapped: Wrapped, index: number, total: number): Promise<Run> =>
  waitFor(`${wrapped.who} to work on ${index} of ${total}`, () => {
    const ended = wrapped.process.ended()
    if (ended !== undefined) throw new Error(`${wrapped.who} ended with ${ended.code}: ${wrapped.process.stderr()}`)
    const run = runs.current(wrapped)
    return run?.index === String(index) && run.total === String(total) ? run : undefined
  })

const startPair = async (server: RunningServer, traits: string[] = []): Promise<[Wrapped, Wrapped]> => {
  const first = runs.start('a', server.url, { traits, options: ['--grace', '300ms'] })
  await working(first, 1, 1)
  const second = runs.start('b', server.url)
  await working(first, 1, 2)
  await working(second, 2, 2)
  return [first, second]
}

/** Resolves once the program lives by a renewal: what it was started with has run out. */
const renewed = (wrapped: Wrapped) =>
  waitFor(`${wrapped.who} to work past its first lease`, () => {
    const run = runs.current(wrapped)
    return run !== undefined && run.endNs - run.startNs > LEASE_NS
  })

/** The process that the wrapper started: its watchdog. */
const watchdogOf = (pid: number): number => {
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
  return Number(child)
}

describe('caucus work', () => {
  test('gives each program its share, and another one when somebody comes or goes', async () => {
    const server = await startServer(STEADY)
    const [a, b] = await startPair(server)
    const { epoch } = await working(b, 2, 2)

    expect(await a.process.stop()).toBe(0)
    const alone = await working(b, 1, 1)
    expect(Number(alone.epoch)).toBeGreaterThan(Number(epoch))
    expect(await b.process.stop('SIGINT')).toBe(130)
    expect(isAlive(alone.pid)).toBe(false)
    expect(runs.of(a).map(({ index, total }) => `${index}/${total}`)).toEqual(['1/1', '1/2'])
    expect(runs.overlaps()).toEqual([])
  })

  test('shares partitions as ranges', async () => {
    const server = await startServer(STEADY)
    const options = ['--partitions', '8']
    const a = runs.start('a', server.url, { options })
    const all = await waitFor('a to have everything', () => runs.current(a))
    expect(all).toMatchObject({ partitions: '0-7', total: '8' })
    expect(all.index).toBeUndefined()
    const b = runs.start('b', server.url, { options })
    const count = (run: Run | undefined) =>
      (run?.partitions ?? '').split(',').reduce((sum, range) => {
        const [from = Number.NaN, to = from] = range.split('-').map(Number)
        return sum + to - from + 1
      }, 0)
    await waitFor('both to have half', () => count(runs.current(a)) === 4 && count(runs.current(b)) === 4)
  })

  test('kills the program of a wrapper that is killed, before anybody else gets its share', async () => {
    const server = await startServer(TIMING)
    const [a, b] = await startPair(server, ['deaf', 'family'])
    await renewed(a)
    a.process.signal('SIGKILL')
    await working(b, 1, 1)
    await waitFor('the program and its child to be gone', () => runs.of(a).every(({ pid }) => !isAlive(pid)))
    expect(runs.overlaps()).toEqual([])
  })

  test('kills the program of a wrapper that is stopped past its lease, and gives it a share again when it is continued', async () => {
    const server = await startServer(TIMING)
    const [a, b] = await startPair(server, ['deaf'])
    await renewed(a)
    a.process.signal('SIGSTOP')
    await working(b, 1, 1)
    expect(runs.current(a)).toBeUndefined()
    a.process.signal('SIGCONT')
    await working(b, 1, 2)
    await working(a, 2, 2)
    expect(runs.overlaps()).toEqual([])
  })

  test.each([
    ['a program that ignores SIGTERM', ['deaf']],
    ['what a program leaves behind in its process group', ['family']],
  ])('kills %s before it lets go of a share', async (_, traits) => {
    const server = await startServer(STEADY)
    // Long enough for somebody else to begin in the meantime, if anybody let them.
    const a = runs.start('a', server.url, { traits, options: ['--grace', '1500ms'] })
    await working(a, 1, 1)
    const before = runs.of(a)
    const b = runs.start('b', server.url)
    await working(b, 2, 2)
    expect(before.every(({ pid }) => !isAlive(pid))).toBe(true)
    expect(runs.overlaps()).toEqual([])
  })

  test('lets the program work on while the server is started again, and kills it when the server stays away', async () => {
    // A server on any free port is nobody's address: it is another one after a restart.
    const free = await startServer()
    await free.stop()
    const args = ['--timeout', '6', '--settle', '0.2', '--listen', free.address]
    const server = await startServer([...args, '--fresh'])
    const a = runs.start('a', server.url, { traits: ['deaf'] })
    const { pid } = await working(a, 1, 1)
    await server.stop('SIGKILL')
    const again = await startServer(args)
    await waitFor('the wrapper to be a member of the new server', async () => {
      const response = await fetch(`${server.url}/v1/groups/jobs`)
      if (!response.ok) return false
      const { members } = (await response.json()) as { members: { id: string; index?: number }[] }
      return members[0]?.index === 1
    })
    expect(await working(a, 1, 1)).toMatchObject({ pid })

    await again.stop('SIGKILL')
    await waitFor('the program to be gone', () => !isAlive(pid))
    expect(a.process.ended()).toBeUndefined()
  })

  test('kills the program when the watchdog is killed, and starts it again with another one', async () => {
    const server = await startServer(STEADY)
    const a = runs.start('a', server.url, { traits: ['deaf'] })
    const { pid } = await working(a, 1, 1)
    process.kill(watchdogOf(a.process.pid), 'SIGKILL')
    await waitFor('the program to be gone', () => !isAlive(pid))
    const next = await working(a, 1, 1)
    expect(next.pid).not.toBe(pid)
  })

  test('has the wrapper itself kill the program when the watchdog is stopped and the server gone, and can still end', async () => {
    const server = await startServer(TIMING)
    const a = runs.start('a', server.url, { traits: ['deaf'] })
    const { pid } = await working(a, 1, 1)
    signalProcess(watchdogOf(a.process.pid), 'SIGSTOP')
    await server.stop('SIGKILL')
    await waitFor('the program to be gone', () => !isAlive(pid))
    expect(await a.process.stop()).toBe(0)
  })

  test('lets go although the watchdog is stopped, and ends', async () => {
    const server = await startServer(TIMING)
    const [a, b] = await startPair(server, ['deaf'])
    const { pid } = await working(a, 1, 2)
    signalProcess(watchdogOf(a.process.pid), 'SIGSTOP')
    expect(await a.process.stop()).toBe(0)
    expect(isAlive(pid)).toBe(false)
    await working(b, 1, 1)
    expect(runs.overlaps()).toEqual([])
  })

  test('tries a watchdog that always fails less and less often', async () => {
    const server = await startServer(STEADY)
    const marker = join(runs.folder, 'starts')
    // Ends its parent, which is the watchdog, as the first thing it does.
    const program = ['sh', '-c', `echo >> ${marker}; kill -9 $PPID; sleep 60`]
    const a = startCaucus(['work', '--group', 'jobs', '--server', server.url, '--', ...program])
    await waitFor('a wait that is longer than the first one', () => a.stderr().includes('not started again for 2 s'))
    expect(readFileSync(marker, 'utf8').length).toBe(2)
    expect(a.stderr()).toContain('not started again for 1 s')
    expect(await a.stop()).toBe(0)
  })

  test('kills at once at the second signal', async () => {
    const server = await startServer(STEADY)
    const a = runs.start('a', server.url, { traits: ['deaf'], options: ['--grace', '10m'] })
    const { pid } = await working(a, 1, 1)
    a.process.signal('SIGTERM')
    await waitFor('the wrapper to be stopping', () => a.process.stderr().includes('once more kills'))
    expect(isAlive(pid)).toBe(true)
    expect(await a.process.stop('SIGTERM')).toBe(0)
    expect(isAlive(pid)).toBe(false)
  })

  test('starts a program again that fails, not at once, and leaves when it succeeds', async () => {
    const server = await startServer(STEADY)
    const failing = runs.start('a', server.url, { traits: ['exit=3'] })
    await waitFor('the second start', () => runs.of(failing).length === 2)
    const [first, second] = runs.of(failing) as [Run, Run]
    expect(second.startNs - first.endNs).toBeGreaterThan(0.9e9)
    expect(failing.process.stderr()).toContain('exited with 3; it is started again in 1 s')
    await failing.process.stop()

    const succeeding = runs.start('b', server.url, { traits: ['exit=0'] })
    await waitFor('the wrapper to end', () => succeeding.process.ended())
    expect(succeeding.process.ended()).toEqual({ code: 0, signal: null })
    const { groups } = (await (await fetch(`${server.url}/v1/groups`)).json()) as { groups: { members: unknown[] }[] }
    expect(groups.flatMap(({ members }) => members)).toEqual([])
  })

  test('says that there is no such program, leaves, and fails', async () => {
    const server = await startServer(STEADY)
    const work = startCaucus(['work', '--group', 'jobs', '--server', server.url, '--', 'no-such-program', '--help'])
    await waitFor('it to end', () => work.ended())
    expect(work.ended()?.code).toBe(1)
    expect(work.stderr()).toMatch(/caucus work: cannot run "no-such-program": there is no such program.*127/)
  })

  test('says what is wrong with a share that the group does not have', async () => {
    const server = await startServer(STEADY)
    const a = runs.start('a', server.url)
    await working(a, 1, 1)
    const b = runs.start('b', server.url, { options: ['--partitions', '4'] })
    await waitFor('it to end', () => b.process.ended())
    expect(b.process.ended()?.code).toBe(1)
    expect(b.process.stderr()).toMatch(
      /caucus work: the group "jobs" shares indexes, not 4 partitions.*CAUCUS_CONFLICT/,
    )
  })

  test('stops the program of a member whose id somebody else took', async () => {
    const server = await startServer(STEADY)
    const a = runs.start('a', server.url, { traits: ['deaf'] })
    const { pid } = await working(a, 1, 1)
    const thief = startCaucus(['work', '--group', 'jobs', '--id', 'a', '--server', server.url, '--', 'sleep', '60'])
    await waitFor('the first one to end', () => a.process.ended())
    expect(a.process.ended()?.code).toBe(1)
    expect(a.process.stderr()).toContain('CAUCUS_FENCED')
    expect(isAlive(pid)).toBe(false)
    expect(thief.ended()).toBeUndefined()
  })

  test('waits for a server that is not there yet, and can be stopped meanwhile', async () => {
    const gone = await startServer(TIMING)
    await gone.stop()
    const a = runs.start('a', gone.url)
    const b = startCaucus([
      'work',
      '--group',
      'jobs',
      '--server',
      gone.url,
      '--log-level',
      'debug',
      '--',
      'sleep',
      '60',
    ])
    await waitFor('both to be trying', () => a.process.stderr() !== '' && b.stderr() !== '')
    expect(await b.stop()).toBe(0)
    await startServer([...TIMING, '--listen', gone.address])
    await working(a, 1, 1)
  })
})
