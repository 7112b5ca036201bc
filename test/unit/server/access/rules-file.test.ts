import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { parseTokenFile } from '../../../../src/config/token-file.ts'
import { Access, hashOf } from '../../../../src/server/access/access.ts'
import { RulesFile } from '../../../../src/server/access/rules-file.ts'
import { SimulatedClock } from '../../../../src/testing/simulated-clock.ts'

const system = vi.hoisted(() => ({ fault: undefined as string | undefined }))
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>()
  const open: typeof real.open = async (...asked) => {
    if (system.fault !== undefined) throw Object.assign(new Error('not now'), { code: system.fault })
    return real.open(...asked)
  }
  return { ...real, open }
})

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'caucus-rules-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const write = (name: string, text: string, mode = 0o600): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

const pipe = (name: string): void => {
  rmSync(join(folder, name))
  execFileSync('mkfifo', [join(folder, name)])
}

const follow = async (file: string, first: string) => {
  const clock = new SimulatedClock(1_000)
  const access = new Access(parseTokenFile(first, file))
  const logged: string[] = []
  const log = (_details: object, message: string) => void logged.push(message)
  const logger = { debug: log, info: log, warn: log, error: log }
  const read = (text: string) => parseTokenFile(text, file)
  const rules = await RulesFile.follow({ file, text: first, read, access, logger, clock })
  onTestFinished(() => rules.close())
  /** What is there now has been the same for two looks then. */
  const settle = async () => {
    await rules.look()
    await rules.look()
  }
  const knows = (token: string) => access.principalOf({ via: 'token', hash: hashOf(token) }) !== undefined
  return { clock, access, logged, rules, settle, knows }
}

describe('a token file', () => {
  test('is read again when it has changed, and only when it has', async () => {
    const file = write('tokens', 'first-token')
    const { access, logged, settle, knows } = await follow(file, 'first-token')
    await settle()
    expect([access.version, logged]).toEqual([0, []])
    write('tokens', 'second-token')
    await settle()
    expect([access.version, knows('first-token'), knows('second-token')]).toEqual([1, false, true])
    utimesSync(file, 1, 1)
    await settle()
    expect(access.version).toBe(1)
  })

  test.each([
    ['another file that took its name', (file: string) => renameSync(write('new', 'second-token'), file)],
    [
      'a link that leads elsewhere now',
      (file: string) => {
        symlinkSync(write('elsewhere', 'second-token'), join(folder, 'link'))
        renameSync(join(folder, 'link'), file)
      },
    ],
    ['what an editor wrote into it', (file: string) => writeFileSync(file, 'second-token')],
  ])('may be replaced by %s', async (_how, change) => {
    const file = write('tokens', 'first-token')
    const { settle, knows } = await follow(file, 'first-token')
    await settle()
    change(file)
    await settle()
    expect([knows('first-token'), knows('second-token')]).toEqual([false, true])
  })

  test('that changed between its first reading and the first look is noticed', async () => {
    const file = write('tokens', 'second-token')
    const { access, settle, knows } = await follow(file, 'first-token')
    await settle()
    expect([access.version, knows('second-token')]).toEqual([1, true])
  })

  test('is not taken while it is being written', async () => {
    const file = write('tokens', 'first-token')
    const { access, rules } = await follow(file, 'first-token')
    for (let length = 12; length < 20; length++) {
      writeFileSync(file, 'x'.repeat(length))
      await rules.look()
    }
    expect(access.version).toBe(0)
    await rules.look()
    expect(access.version).toBe(1)
  })

  test.each([
    ['a slip', () => write('tokens', '[{"name":"a","token":"secret-of-mine","role":"king"}]'), /role must be one of/],
    ['nothing', () => write('tokens', ''), /holds no token/],
    ['half of it', () => write('tokens', '[{"name":'), /line 1, column/],
    ['everybody’s right to write it', () => write('tokens', 'second-token', 0o602), /everybody .* may write/],
    ['no file', () => rmSync(join(folder, 'tokens')), /there is no .* any more/],
    ['a pipe that nobody writes', () => pipe('tokens'), /is no file any more/],
    ['more than anybody writes', () => write('tokens', 'x'.repeat(8_000_001)), /longer than 8000000 bytes/],
  ])(
    'with %s leaves the tokens as they were, says so once, and is taken when it is mended',
    async (_what, spoil, why) => {
      const file = write('tokens', 'first-token')
      const { access, logged, settle, knows } = await follow(file, 'first-token')
      await settle()
      const told: string[] = []
      access.onFailure((problem) => told.push(problem))
      spoil()
      await settle()
      await settle()
      expect([access.version, access.failures, knows('first-token')]).toEqual([0, 1, true])
      expect(told).toEqual([expect.stringMatching(why)])
      expect(logged).toEqual([expect.stringMatching(why)])
      expect(logged.join()).not.toContain('secret')
      renameSync(write('new', 'third-token'), file)
      await settle()
      expect([access.version, knows('first-token'), knows('third-token')]).toEqual([1, false, true])
    },
  )

  test('which the system cannot open for a while is asked for again until it can: a token that was taken away stays so', async () => {
    const file = write('tokens', 'first-token')
    const { access, logged, settle, knows } = await follow(file, 'first-token')
    await settle()
    write('tokens', 'second-token')
    system.fault = 'EMFILE'
    onTestFinished(() => {
      system.fault = undefined
    })
    await settle()
    await settle()
    expect([access.failures, knows('first-token')]).toEqual([1, true])
    expect(logged).toEqual([expect.stringContaining('the system says EMFILE')])
    system.fault = undefined
    await settle()
    expect([access.version, knows('first-token'), knows('second-token')]).toEqual([1, false, true])
  })

  test('that others may read is warned of, and one that everybody may write is refused', async () => {
    const { logged } = await follow(write('tokens', 'first-token', 0o640), 'first-token')
    expect(logged).toEqual(['others on this machine may open the file with the tokens: chmod 600 it'])
    await expect(follow(write('open', 'first-token', 0o666), 'first-token')).rejects.toMatchObject({
      code: 'CAUCUS_INVALID_CONFIG',
    })
  })

  test('is looked at by the clock, which it does not keep a process alive for, and no more once it is closed', async () => {
    const { clock, rules } = await follow(write('tokens', 'first-token'), 'first-token')
    expect([clock.alive, clock.pending]).toEqual([false, 1])
    rules.close()
    expect(clock.pending).toBe(0)
  })
})
