import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { afterEach, expect, test, vi } from 'vitest'
import { isRunning, thisProcess } from '../../../src/stores/owner.ts'

vi.mock('node:fs/promises', { spy: true })
afterEach(() => vi.mocked(readFile).mockReset())

const failing = (code: string) =>
  vi.mocked(readFile).mockRejectedValue(Object.assign(new Error(`${code}: it was not read`), { code }))

const hasProc = existsSync('/proc/self/stat')

test.skipIf(!hasProc)('a process is not taken for ended because whoever looks has no descriptor left', async () => {
  const self = await thisProcess()
  expect(await isRunning(self)).toBe(true)
  failing('EMFILE')
  expect(await isRunning(self)).toBe(true)
  failing('ENOENT')
  expect(await isRunning(self)).toBe(false)
})

test.skipIf(!hasProc)('nor does it name itself so that others take it for another one', async () => {
  failing('EMFILE')
  await expect(thisProcess()).rejects.toMatchObject({ code: 'EMFILE' })
})
