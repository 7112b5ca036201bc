import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { endAll, startCaucus, startServer } from './support/processes.ts'
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

const election = 'scheduler'
const leading = (wrapped: Wrapped, after = 0): Promise<Run> =>
  waitFor(`the program of ${wrapped.who} to run`, () => {
    const ended = wrapped.process.ended()
    if (ended !== undefined) throw new Error(`${wrapped.who} ended with ${ended.code}: ${wrapped.process.stderr()}`)
    const run = runs.current(wrapped)
    return Number(run?.epoch) > after ? run : undefined
  })
const ended = async ({ who, process }: Pick<Wrapped, 'who' | 'process'>) =>
  (await waitFor(`${who} to end`, () => process.ended())).code

/** One that leads, and one that waits. */
const startPair = async (url: string, traits: string[] = [], options: string[] = []): Promise<[Wrapped, Wrapped]> => {
  const a = runs.start('a', url, { election, traits, options })
  await leading(a)
  const b = runs.start('b', url, { election })
  await waitFor(
    'b to campaign',
    () => b.process.stderr().includes('connected') || b.process.stderr().includes('campaigning'),
  )
  return [a, b]
}

/** The same, and the first lives by a renewal: what it began with has run out. */
const startRenewed = async (url: string, traits: string[]): Promise<[Wrapped, Wrapped]> => {
  const [a, b] = await startPair(url, traits)
  await waitFor('a to lead past its first lease', () => {
    const run = runs.current(a)
    return run !== undefined && run.endNs - run.startNs > LEASE_NS
  })
  return [a, b]
}

describe('caucus elect', () => {
  test('runs the program of one at a time, with a rising token, and ends with its code', async () => {
    const { url } = await startServer(STEADY)
    const a = runs.start('a', url, { election, traits: ['exit=7'] })
    expect(await ended(a)).toBe(7)
    const b = runs.start('b', url, { election })
    const run = await leading(b)
    expect(Number(run.epoch)).toBeGreaterThan(Number(runs.of(a)[0]?.epoch))
    process.kill(run.pid, 'SIGKILL')
    expect(await ended(b)).toBe(137)
    expect(runs.overlaps()).toEqual([])
  })

  test('lets the next one lead as soon as it is stopped and its program is gone', async () => {
    const { url } = await startServer(STEADY)
    const [a, b] = await startPair(url, ['deaf'], ['--grace', '300ms'])
    const before = runs.of(a)
    const stopped = a.process.stop()
    await leading(b, Number(before[0]?.epoch))
    expect(await stopped).toBe(0)
    expect(before.every(({ pid }) => !isAlive(pid))).toBe(true)
    expect(await b.process.stop('SIGINT')).toBe(130)
    expect(runs.overlaps()).toEqual([])
  })

  test('kills the program of a wrapper that is killed, before anybody else leads', async () => {
    const { url } = await startServer(TIMING)
    const [a, b] = await startRenewed(url, ['deaf', 'family'])
    a.process.signal('SIGKILL')
    await leading(b)
    await waitFor('the program and its child to be gone', () => runs.of(a).every(({ pid }) => !isAlive(pid)))
    expect(runs.overlaps()).toEqual([])
  })

  test('kills the program of a wrapper that is stopped past its lease, which waits for its turn again when it is continued', async () => {
    const { url } = await startServer(TIMING)
    const [a, b] = await startRenewed(url, ['deaf'])
    a.process.signal('SIGSTOP')
    const { epoch } = await leading(b)
    expect(runs.current(a)).toBeUndefined()
    a.process.signal('SIGCONT')
    await waitFor('a to notice', () => /leadership is lost|lease was about to run out/.test(a.process.stderr()))
    expect(await b.process.stop()).toBe(0)
    await leading(a, Number(epoch))
    expect(runs.overlaps()).toEqual([])
  })

  test('with --once ends when leadership is lost, and says so', async () => {
    const { url } = await startServer(STEADY)
    const [a] = await startPair(url, [], ['--once'])
    const evicted = startCaucus(['drain', '--group', `election/${election}`, '--member', 'a', '--server', url])
    expect(await ended({ who: 'drain', process: evicted })).toBe(0)
    expect(await ended(a)).toBe(1)
    expect(a.process.stderr()).toContain('CAUCUS_LEADERSHIP_LOST')
  })

  test('ends when another one takes its id, or there is no such program', async () => {
    const { url } = await startServer(STEADY)
    const [a] = await startPair(url)
    const namesake = startCaucus(['elect', election, '--id', 'a', '--server', url, '--', 'sleep', '60'])
    expect(await ended(a)).toBe(1)
    expect(a.process.stderr()).toContain('CAUCUS_FENCED')
    expect(await namesake.stop()).toBe(0)
    const none = startCaucus(['elect', 'other', '--server', url, '--', '/no/such/program'])
    expect(await ended({ who: 'none', process: none })).toBe(1)
    expect(none.stderr()).toContain('there is no such program')
  })

  test.each([
    [['elect'], "missing required argument 'name'"],
    [['elect', 'e'], "missing required argument 'command'"],
    [['elect', '', '--', 'true'], 'election name is empty'],
    [['elect', 'e', '--grace', 'soon', '--', 'true'], '--grace'],
    [['elect', 'e', '--group', 'g', '--', 'true'], '--group'],
  ])('refuses %j', async (args, what) => {
    const wrong = startCaucus(args)
    expect(await ended({ who: 'it', process: wrong })).toBe(2)
    expect(wrong.stderr()).toContain(what)
  })
})
