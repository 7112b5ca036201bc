import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
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

  test('ends as the program ends', () => {
    expect(pass([process.execPath, '-e', 'process.exit(3)'], '\n').status).toBe(3)
    expect(pass([process.execPath, '-e', 'process.kill(process.pid, "SIGTERM")'], '\n').signal).toBe('SIGTERM')
  })
})

describe.skipIf(process.platform === 'win32')('a program', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'caucus-gate-'))
    writeFileSync(join(folder, 'plain'), '')
    writeFileSync(join(folder, 'program'), '#!/bin/sh\n')
    chmodSync(join(folder, 'program'), 0o755)
    mkdirSync(join(folder, 'folder'))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

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
