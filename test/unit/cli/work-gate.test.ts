import { spawnSync } from 'node:child_process'
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Command, gated, whyNotRunnable } from '../../../src/cli/work/gate.ts'

const LOOK = `console.log(JSON.stringify({
  argv: process.argv.slice(1), argv0: process.argv0, env: process.env, input: require('node:fs').readFileSync(0, 'utf8'),
}))`

const pass = (command: Command, input: string, env: NodeJS.ProcessEnv = process.env) => {
  const behind = gated(command, env)
  return spawnSync(behind.file, behind.args, { env: behind.env, input, encoding: 'utf8' })
}

const folder = mkdtempSync(join(tmpdir(), 'caucus-gate-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe.skipIf(process.platform === 'win32')('the gate', () => {
  test('shows the program its arguments, its environment and an empty input', () => {
    const args = ['', 'two words', '-c', '"$HOME" `x` \\n\n', '*']
    const env = { PWD: process.cwd(), PATH: process.env.PATH, 'a.b': "c d\n'$e'", 'x-y': '', CAUCUS_INDEX: '1' }
    const { stdout, status } = pass([process.execPath, '-e', LOOK, '--', ...args], '\n', env)
    expect(status).toBe(0)
    const seen = JSON.parse(stdout)
    expect(seen).toMatchObject({ argv: args, argv0: process.execPath, input: '' })
    // Some shells say how deep they are.
    const { SHLVL: _, ...seenEnv } = seen.env
    expect(seenEnv).toEqual(env)
  })

  test('never becomes the program when nobody opens it', () => {
    expect(pass([process.execPath, '-e', LOOK], '')).toMatchObject({ status: 127, stdout: '' })
  })

  test('at another file descriptor leaves the program its input, and is not seen by it', () => {
    const look = 'cat; if (: <&3) 2>/dev/null; then echo seen; else echo hidden; fi'
    const behind = gated(['/bin/sh', '-c', look], process.env, 3)
    const pass = (line: string) => {
      writeFileSync(join(folder, 'line'), line)
      const at = openSync(join(folder, 'line'), 'r')
      const options = {
        env: behind.env,
        input: 'a b\n',
        encoding: 'utf8',
        stdio: ['pipe', 'pipe', 'pipe', at],
      } as const
      const ended = spawnSync(behind.file, behind.args, { ...options, stdio: [...options.stdio] })
      closeSync(at)
      return ended
    }
    expect(pass('\n').stdout).toBe('a b\nhidden\n')
    expect(pass('')).toMatchObject({ status: 127, stdout: '' })
  })

  test('ends as the program ends', () => {
    expect(pass([process.execPath, '-e', 'process.exit(3)'], '\n').status).toBe(3)
    expect(pass([process.execPath, '-e', 'process.kill(process.pid, "SIGTERM")'], '\n').signal).toBe('SIGTERM')
  })
})

describe.skipIf(process.platform === 'win32')('a program', () => {
  beforeAll(() => {
    writeFileSync(join(folder, 'plain'), '')
    writeFileSync(join(folder, 'program'), '#!/bin/sh\n')
    chmodSync(join(folder, 'program'), 0o755)
    mkdirSync(join(folder, 'folder'))
  })
  test('is looked for where its path says, or in PATH', () => {
    expect(whyNotRunnable(join(folder, 'program'))).toBeUndefined()
    expect(whyNotRunnable('program', `/nowhere:${folder}`)).toBeUndefined()
    expect(whyNotRunnable('program', '/nowhere')).toBe('ENOENT')
    expect(whyNotRunnable('sh')).toBeUndefined()
    expect(whyNotRunnable(join(folder, 'none'))).toBe('ENOENT')
  })

  test('is no folder, and no file that may not be executed', () => {
    expect(whyNotRunnable('plain', folder)).toBe('EACCES')
    expect(whyNotRunnable('folder', folder)).toBe('EACCES')
    expect(whyNotRunnable(`${folder}/`)).toBe('EACCES')
  })
})
