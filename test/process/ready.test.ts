import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const repository = fileURLToPath(new URL('../..', import.meta.url))

/** A small project with our scripts and our compiler. */
let project: string
const inProject = (...path: string[]) => join(project, ...path)

beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'caucus-ready-'))
  cpSync(join(repository, 'scripts'), inProject('scripts'), { recursive: true })
  cpSync(join(repository, 'tsconfig.json'), inProject('tsconfig.json'))
  const manifest = { name: 'small', version: '1.0.0', type: 'module' }
  writeFileSync(inProject('package.json'), JSON.stringify(manifest))
  const lock = { name: 'small', version: '1.0.0', lockfileVersion: 3, requires: true, packages: { '': manifest } }
  writeFileSync(inProject('package-lock.json'), JSON.stringify(lock))
  mkdirSync(inProject('node_modules', '@types'), { recursive: true })
  writeFileSync(inProject('node_modules', '.package-lock.json'), JSON.stringify({ packages: {} }))
  for (const name of ['typescript', '@typescript', '@types/node', 'undici-types']) {
    symlinkSync(join(repository, 'node_modules', name), inProject('node_modules', name))
  }
  mkdirSync(inProject('src'))
  writeSource('export const answer: number = 1')
})
afterEach(() => rmSync(project, { recursive: true, force: true }))

const writeSource = (text: string) => writeFileSync(inProject('src', 'index.ts'), text)
const built = () => readFileSync(inProject('dist', 'index.js'), 'utf8')
const leftovers = () => readdirSync(project).filter((name) => name.startsWith('.build-'))

const start = (script: string, ...args: string[]) =>
  spawn(process.execPath, [inProject('scripts', script), ...args], { stdio: ['ignore', 'pipe', 'pipe'] })

const finish = async (child: ChildProcess) => {
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}
const run = (script: string, ...args: string[]) => finish(start(script, ...args))

describe('scripts/ready.mjs', () => {
  test('builds once, and then says nothing until a source changes', async () => {
    expect(await run('ready.mjs')).toMatchObject({ code: 0, stdout: '', stderr: expect.stringContaining('Building') })
    expect(built()).toContain('answer = 1')
    expect(await run('ready.mjs')).toEqual({ code: 0, stdout: '', stderr: '' })

    writeSource('export const answer: number = 2')
    await run('ready.mjs')
    expect(built()).toContain('answer = 2')
    expect(leftovers()).toEqual([])
  })

  test('leaves the last good build alone when the next one fails', async () => {
    await run('ready.mjs')
    writeSource("export const answer: number = 'two'")
    const failed = await run('ready.mjs')
    expect(failed.code).toBe(1)
    expect(failed.stderr).toContain('src/index.ts')
    expect(failed.stderr).toContain('The build failed')
    expect(built()).toContain('answer = 1')
    expect(leftovers()).toEqual([])
    expect((await run('ready.mjs')).code).toBe(1)
  })

  test('forgets what a deleted source had built', async () => {
    writeFileSync(inProject('src', 'gone.ts'), 'export {}')
    await run('ready.mjs')
    expect(readdirSync(inProject('dist'))).toContain('gone.js')
    rmSync(inProject('src', 'gone.ts'))
    await run('ready.mjs')
    expect(readdirSync(inProject('dist'))).not.toContain('gone.js')
  })

  test('lets three at once through one build', async () => {
    const runs = await Promise.all([run('ready.mjs'), run('ready.mjs'), run('ready.mjs')])
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0])
    expect(runs.filter(({ stderr }) => stderr.includes('Building'))).toHaveLength(1)
    expect(built()).toContain('answer = 1')
  })

  test('takes over the lock of a process that is gone', async () => {
    const gone = spawn(process.execPath, ['-e', ''])
    await once(gone, 'exit')
    mkdirSync(inProject('.tmp'))
    writeFileSync(inProject('.tmp', 'ready.lock'), String(gone.pid))
    expect((await run('ready.mjs')).code).toBe(0)
    expect(readdirSync(inProject('.tmp'))).toEqual([])
  })

  test('installs what the lockfile names and is not there, and only then', async () => {
    const lock = JSON.parse(readFileSync(inProject('package-lock.json'), 'utf8'))
    lock.packages['node_modules/wanted'] = { version: '1.0.0' }
    lock.packages['node_modules/for-another-machine'] = { version: '1.0.0', optional: true }
    writeFileSync(inProject('package-lock.json'), JSON.stringify(lock))

    // Stands in for npm: notes that it was asked, and installs.
    mkdirSync(inProject('bin'))
    writeFileSync(
      inProject('bin', 'npm'),
      `#!/bin/sh
echo "$@" >> asked
mkdir -p node_modules/wanted
echo '{"packages":{"node_modules/wanted":{"version":"1.0.0"}}}' > node_modules/.package-lock.json
`,
      { mode: 0o755 },
    )
    const PATH = `${inProject('bin')}:${process.env.PATH}`
    const ready = () =>
      finish(
        spawn(process.execPath, [inProject('scripts', 'ready.mjs')], { stdio: 'pipe', env: { ...process.env, PATH } }),
      )

    const first = await ready()
    expect(first).toMatchObject({ code: 0, stdout: '', stderr: expect.stringContaining('npm ci') })
    expect(await ready()).toEqual({ code: 0, stdout: '', stderr: '' })
    expect(readFileSync(inProject('asked'), 'utf8')).toMatch(/^ci .*--include=dev.*\n$/)

    rmSync(inProject('node_modules', 'wanted'), { recursive: true })
    expect((await ready()).stderr).toContain('npm ci')
  })

  test('says which Node it needs', async () => {
    const old = `Object.defineProperty(process.versions, 'node', { value: '20.18.3' }); await import(${JSON.stringify(`file://${inProject('scripts', 'ready.mjs')}`)})`
    const { code, stderr } = await finish(
      spawn(process.execPath, ['--input-type=module', '-e', old], { stdio: ['ignore', 'pipe', 'pipe'] }),
    )
    expect(code).toBe(1)
    expect(stderr).toContain('Caucus needs Node 20.19 or newer, and this is Node 20.18.3')
  })
})

describe('scripts/test-summary.mjs', () => {
  const summary = async (exitCode: number, report?: object) => {
    const file = inProject('report.json')
    if (report !== undefined) writeFileSync(file, JSON.stringify(report))
    const { code, stdout } = await run('test-summary.mjs', file, String(exitCode))
    return { code, line: stdout.trimEnd() }
  }
  const report = (passed: number, failed: number, pending: number, testResults: object[] = []) => ({
    numPassedTests: passed,
    numFailedTests: failed,
    numPendingTests: pending,
    numTodoTests: 0,
    testResults,
  })

  test('counts what passed, failed and was skipped', async () => {
    expect(await summary(0, report(7, 0, 2))).toEqual({ code: 0, line: '7 passed, 0 failed, 2 skipped' })
    expect(await summary(1, report(7, 3, 0))).toEqual({ code: 1, line: '7 passed, 3 failed, 0 skipped' })
  })

  test('counts a failed build, a file that did not load, a stray rejection and a run of no test as failures', async () => {
    expect(await summary(1)).toEqual({ code: 1, line: '0 passed, 1 failed, 0 skipped' })
    const broken = { status: 'failed', assertionResults: [] }
    expect(await summary(1, report(7, 0, 0, [broken]))).toEqual({ code: 1, line: '7 passed, 1 failed, 0 skipped' })
    expect(await summary(1, report(7, 0, 0))).toEqual({ code: 1, line: '7 passed, 1 failed, 0 skipped' })
    expect(await summary(0, report(0, 0, 0))).toEqual({ code: 1, line: '0 passed, 1 failed, 0 skipped' })
  })
})
