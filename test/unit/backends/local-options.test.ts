import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { local, timing } from 'caucus'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openDirectory } from '../../../src/backends/local/directory.ts'
import { type LocalOptions, soundLocal } from '../../../src/backends/local/options.ts'

test('without options, all processes of a user on a machine belong together, under a directory of their own', () => {
  const { directory, isTemporary, timing: used } = soundLocal({})
  expect(directory).toBe(join(tmpdir(), `caucus-${process.geteuid?.()}`, 'default'))
  expect([isTemporary, used]).toEqual([true, timing.lan])
})

test('a directory of somebody’s choice is taken as it is', () => {
  const { directory, isTemporary } = soundLocal({ directory: '/var/lib/shop/./caucus' })
  expect([directory, isTemporary]).toEqual(['/var/lib/shop/caucus', false])
})

test('groups have shares and timings of their own', () => {
  const { served } = soundLocal({
    timing: 'local',
    groups: { jobs: { share: { partitions: 8 }, timing: { leaseMs: 3_000 } } },
  })
  expect(served.defaults.leaseMs).toBe(1_000)
  expect(served.groups.get('jobs')).toMatchObject({ leaseMs: 3_000, share: { partitions: 8 } })
})

test.each<[unknown, string]>([
  [null, 'takes an object'],
  [{ nmae: 'x' }, 'the key "nmae" is not known'],
  [{ name: '' }, 'name must be'],
  [{ name: '..' }, 'name must be'],
  [{ name: 'a/b' }, 'name must be'],
  [{ name: 7 }, 'name must be'],
  [{ directory: '' }, 'directory must be a path'],
  [{ directory: 'a\0b' }, 'directory must be a path'],
  [{ directory: '/x', name: 'y' }, 'leave one of them out'],
  [{ connectTimeoutMs: Number.NaN }, 'connectTimeoutMs must be'],
  [{ onFault: 'x' }, 'onFault must be a function'],
  [{ timing: 'fast' }, 'timing must be'],
  [{ timing: { leaseMs: 200, heartbeatMs: 200, stopMarginMs: 100 } }, 'unsafe timing'],
  [{ groups: { g: { shares: 1 } } }, 'groups.g'],
  [{ groups: { g: { timing: { leaseMs: 200, heartbeatMs: 200, stopMarginMs: 100 } } } }, 'groups.g'],
])('%j is refused', (options, message) => {
  expect(() => local(options as LocalOptions)).toThrow(message)
})

describe('a directory', () => {
  let home: string
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'caucus-directory-'))
  })
  afterEach(() => rmSync(home, { recursive: true }))

  test('is made where there is none, and for this user alone', async () => {
    const directory = join(home, 'a', 'b')
    await openDirectory(directory, true)
    expect(statSync(directory).mode & 0o777).toBe(0o700)
    expect(statSync(join(home, 'a')).mode & 0o777).toBe(0o700)
    await openDirectory(directory, true)
  })

  test('that others may read is not used', async () => {
    const directory = join(home, 'open')
    mkdirSync(directory)
    chmodSync(directory, 0o750)
    await expect(openDirectory(directory, false)).rejects.toMatchObject({
      code: 'CAUCUS_INVALID_CONFIG',
      message: expect.stringContaining(
        'others may use it (mode 750, and 700 is needed); give one that is for this alone',
      ),
    })
  })

  test('in one that others may write is not used, where that was not somebody’s choice', async () => {
    const parent = join(home, 'parent')
    mkdirSync(parent)
    chmodSync(parent, 0o777)
    await expect(openDirectory(join(parent, 'own'), true)).rejects.toMatchObject({ code: 'CAUCUS_INVALID_CONFIG' })
    await openDirectory(join(parent, 'own'), false)
  })

  test('that is a link, and leads who knows where, is not used', async () => {
    mkdirSync(join(home, 'real'), { mode: 0o700 })
    symlinkSync(join(home, 'real'), join(home, 'link'))
    await expect(openDirectory(join(home, 'link'), false)).rejects.toMatchObject({
      message: expect.stringContaining('a link to one'),
    })
  })

  test('behind the link of somebody who was faster is not even made', async () => {
    mkdirSync(join(home, 'elsewhere'), { mode: 0o700 })
    symlinkSync(join(home, 'elsewhere'), join(home, 'caucus-0'))
    await expect(openDirectory(join(home, 'caucus-0', 'default'), true)).rejects.toMatchObject({
      message: expect.stringContaining('a link to one'),
    })
    expect(existsSync(join(home, 'elsewhere', 'default'))).toBe(false)
  })

  test.skipIf(process.geteuid?.() !== 0)('of another user is not used', async () => {
    const directory = join(home, 'theirs')
    mkdirSync(directory, { mode: 0o700 })
    const { chownSync } = await import('node:fs')
    chownSync(directory, 65_534, 65_534)
    await expect(openDirectory(directory, false)).rejects.toMatchObject({
      message: expect.stringContaining('another user'),
    })
    chownSync(directory, 0, 0)
  })

  test('that cannot be made is refused by connect() with what to do', async () => {
    await expect(local({ directory: '/proc/nobody/here' })({})).rejects.toMatchObject({ code: 'CAUCUS_INVALID_CONFIG' })
  })
})
