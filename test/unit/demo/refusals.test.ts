import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { run } from '../../../src/cli/main.ts'
import { folderWith } from './folder.ts'

let stdout: string
let stderr: string
beforeEach(() => {
  stdout = stderr = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    stdout += String(text)
    return true
  })
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    stderr += String(text)
    return true
  })
})
afterEach(() => {
  vi.restoreAllMocks()
  process.exitCode = undefined
})

describe('caucus demo refuses, before it has started any process,', () => {
  test.each([
    ['a folder that is not there', ['--input', '/nowhere/at/all'], '--input /nowhere/at/all: does not exist'],
    ['a file for a folder', ['--input', 'package.json'], '--input package.json: is not a folder'],
    [
      'a place for the output that is not there',
      ['--output', '/nowhere/x'],
      '--output /nowhere/x: the folder /nowhere',
    ],
    ['no workers', ['--workers', '0'], '--workers'],
    ['half a kill', ['--kill', '0.5'], '--kill'],
    ['etcd that is not named', ['--backend', 'etcd'], '--backend etcd needs one: name it with --etcd'],
    ['two backends', ['--backend', 'peer', '--etcd', 'a:1'], '--backend peer starts servers of its own'],
    ['a user of nothing', ['--etcd-user', 'me'], '--etcd-user goes with --etcd'],
    ['a user without a password', ['--etcd', 'a:1', '--etcd-user', 'me'], '--etcd-password-file go together'],
    ['a backend that nobody knows', ['--backend', 'nfs'], '--backend nfs: there is none of that name'],
    ['an option that nobody knows', ['--twice'], '--twice'],
  ])('%s', async (_, args, message) => {
    expect(await run(['demo', '--once', ...args])).toBe(2)
    expect(stderr).toContain(message)
    expect(stdout).toBe('')
  })

  test('a folder without a file', async () => {
    expect(await run(['demo', '--input', folderWith()])).toBe(2)
    expect(stderr).toContain('has no regular file')
  })
})
