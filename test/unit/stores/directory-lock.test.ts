import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { lockDirectory, type Pause } from '../../../src/stores/directory-lock.ts'
import { thisProcess } from '../../../src/stores/owner.ts'

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'caucus-lock-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const file = () => join(directory, 'lock')
const owner = () => JSON.parse(readFileSync(file(), 'utf8'))
const LONG_AGO = new Date('2020-01-01')

/** Puts a lock there as another process would write it, untouched for long. */
const foreign = async (change: object = {}) => {
  writeFileSync(file(), JSON.stringify({ ...(await thisProcess()), pid: 1, token: 'other', ...change }))
  utimesSync(file(), LONG_AGO, LONG_AGO)
}
const elsewhere = { pidNamespace: 'pid:[1]' }

/** The holder's seconds pass one by one, when the test says so; a taker's at once, with `between` in each of its pauses. */
class Time {
  watchedMs = 0
  #resume: () => void = () => undefined
  #paused: () => void = () => undefined
  readonly #between: (watchedMs: number) => void

  constructor(between: (watchedMs: number) => void = () => undefined) {
    this.#between = between
  }

  readonly pause: Pause = (forMs, { ref }) => {
    if (ref) {
      this.watchedMs += forMs
      this.#between(this.watchedMs)
      return Promise.resolve()
    }
    this.#paused()
    return new Promise<void>((resolve) => {
      this.#resume = resolve
    })
  }

  /** Resolves once the holder has done what it does each second; gives up on one that does nothing more when `over` is. */
  async second(over: Promise<unknown>): Promise<void> {
    const paused = new Promise<void>((resolve) => {
      this.#paused = resolve
    })
    this.#resume()
    await Promise.race([paused, over])
  }
}

const fault = (locking: Promise<unknown>) =>
  locking.then(
    () => expect.fail('it was taken'),
    (error) => error,
  )

describe('a lock whose owner cannot be seen from here', () => {
  test.each([
    ['in another container', elsewhere],
    ['of another boot, or machine', { bootId: 'another' }],
    ['of a form that nobody knows', { bootId: 7 }],
  ])('%s, is watched, and taken over when nobody touches it', async (_what, where) => {
    await foreign(where)
    const time = new Time()
    const lock = await lockDirectory(directory, time.pause)
    expect(owner().pid).toBe(process.pid)
    // A holder touches it every second, and gives up after three failures: by then it must have stopped.
    expect(time.watchedMs).toBeGreaterThan(4_000)
    await lock.release()
  })

  test('keeps others out when it is touched, and says what to do', async () => {
    await foreign({ ...elsewhere, pid: 17 })
    const time = new Time((ms) => ms === 3_000 && utimesSync(file(), new Date(), new Date()))
    expect(await fault(lockDirectory(directory, time.pause))).toMatchObject({
      code: 'CAUCUS_CONFLICT',
      message: expect.stringMatching(
        /in use by the process 17 of another container or machine; stop that one, .* if you are sure .*, remove .*lock$/,
      ),
    })
    expect(owner().token).toBe('other')
  })

  test('is taken at once when it is given back meanwhile', async () => {
    await foreign(elsewhere)
    const time = new Time((ms) => ms === 500 && rmSync(file()))
    const lock = await lockDirectory(directory, time.pause)
    expect(time.watchedMs).toBe(500)
    await lock.release()
  })

  test('is looked at anew when yet another one takes it meanwhile', async () => {
    await foreign(elsewhere)
    const us = await thisProcess()
    const time = new Time((ms) => ms === 500 && writeFileSync(file(), JSON.stringify(us)))
    expect(await fault(lockDirectory(directory, time.pause))).toMatchObject({ details: { pid: process.pid } })
  })
})

test.skipIf(!existsSync('/proc/self/stat'))(
  'an owner that has ended but was not reaped holds nothing any more',
  async () => {
    const parent = spawn('sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] })
    try {
      const [line] = (await once(parent.stdout, 'data')) as [Buffer]
      const pid = Number(String(line).trim())
      const stat = () => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
      while (stat()[0] !== 'Z') await new Promise((resolve) => setImmediate(resolve))
      await foreign({ pid, startedAt: stat()[19] })
      const time = new Time()
      const lock = await lockDirectory(directory, time.pause)
      expect(time.watchedMs).toBe(0)
      await lock.release()
    } finally {
      parent.kill('SIGKILL')
    }
  },
)

test('a lock whose owner can be seen to be gone is taken over without waiting', async () => {
  await foreign({ pid: 2 ** 30 })
  const time = new Time()
  const lock = await lockDirectory(directory, time.pause)
  expect(time.watchedMs).toBe(0)
  await lock.release()
})

describe('whoever holds a lock', () => {
  test('touches it every second, until it is given back', async () => {
    const time = new Time()
    const lock = await lockDirectory(directory, time.pause)
    utimesSync(file(), LONG_AGO, LONG_AGO)
    await time.second(lock.lost)
    expect(statSync(file()).mtimeMs).toBeGreaterThan(LONG_AGO.getTime())
    await lock.release()
    expect(existsSync(file())).toBe(false)
  })

  test('hears within a second that another one has it', async () => {
    const time = new Time()
    const lock = await lockDirectory(directory, time.pause)
    await foreign(elsewhere)
    await time.second(lock.lost)
    expect(await lock.lost).toMatchObject({ code: 'CAUCUS_CONFLICT', details: { pid: 1 } })
    await lock.release()
    expect(owner().token).toBe('other')
  })

  test('hears after three that it was removed, but not when it was only away for a moment', async () => {
    const time = new Time()
    const lock = await lockDirectory(directory, time.pause)
    const text = readFileSync(file(), 'utf8')
    for (const away of [true, true, false, true, true, true]) {
      if (away) rmSync(file(), { force: true })
      else writeFileSync(file(), text)
      await time.second(lock.lost)
      if (!away) expect(statSync(file()).mtimeMs).toBeGreaterThan(LONG_AGO.getTime())
    }
    expect(await lock.lost).toMatchObject({ code: 'CAUCUS_CONFLICT', message: expect.stringContaining('is gone') })
    await lock.release()
  })
})

test('what crashed processes left is cleared away, but not what somebody is just writing', async () => {
  for (const name of ['lock-old', 'lock-stale-old', 'lock-new']) writeFileSync(join(directory, name), '')
  for (const name of ['lock-old', 'lock-stale-old']) utimesSync(join(directory, name), LONG_AGO, LONG_AGO)
  const lock = await lockDirectory(directory)
  const left = ['lock', 'lock-old', 'lock-stale-old', 'lock-new'].filter((name) => existsSync(join(directory, name)))
  expect(left).toEqual(['lock', 'lock-new'])
  await lock.release()
})

test('a lock that can be neither taken nor read is said to be one, at once', async () => {
  symlinkSync(join(directory, 'nowhere'), file())
  expect(await fault(lockDirectory(directory))).toMatchObject({
    code: 'CAUCUS_INVALID_CONFIG',
    message: expect.stringContaining('neither taken nor read'),
  })
})
