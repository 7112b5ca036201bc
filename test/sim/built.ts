import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** The built code, up to date: mutants are made of it. */
export const built = (): string => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/ready.mjs'], { cwd: root, encoding: 'utf8' })
  expect(status === 0 ? '' : stderr).toBe('')
  return join(root, 'dist')
}
