import { execFile } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkLinks } from '../tidy/documents.ts'
import { describeViolation } from '../tidy/source.ts'

const run = promisify(execFile)
const repository = fileURLToPath(new URL('../..', import.meta.url))
const { version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'))

const temporary = mkdtempSync(join(tmpdir(), 'caucus-pack-'))
/** An empty folder of somebody who has never seen this repository. */
const home = join(temporary, 'home')
let packed: string[]

beforeAll(async () => {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', temporary], { cwd: repository })
  const [{ filename, files }] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }]
  packed = files.map(({ path }) => path)
  mkdirSync(home)
  writeFileSync(join(home, 'package.json'), JSON.stringify({ name: 'home', private: true, type: 'module' }))
  const options = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error']
  await run('npm', ['install', ...options, join(temporary, filename)], { cwd: home })
}, 180_000)
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

describe('the packed package', () => {
  test('holds what a user needs and nothing else', () => {
    for (const file of [
      'LICENSE',
      'README.md',
      'CHANGELOG.md',
      'bin/caucus.js',
      'dist/index.js',
      'dist/index.d.ts',
      // Of what is bundled.
      'dist/wire/type.license.md',
      'dist/web/license.md',
    ]) {
      expect(packed).toContain(file)
    }
    expect(packed).toContain('docs/errors.md')
    expect(
      packed.filter((path) => !/^(bin|deploy|dist|docs|examples)\/|^[A-Z]+(\.md)?$|^package\.json$/.test(path)),
    ).toEqual([])
    expect(packed).not.toContain('dist/.source-hash')
    // Trials and the exhaustive search are tools of this repository: nothing that the doors export loads them.
    expect(packed.filter((path) => /^dist\/testing\/(trial|exhaustive|fuzz|servers)\//.test(path))).toEqual([])
  })

  test('holds whatever its documents link to', () => {
    const folders = new Set(packed.flatMap((path) => path.split('/').map((_, n, parts) => parts.slice(0, n).join('/'))))
    const documents = packed.filter((path) => path.endsWith('.md'))
    const texts = new Map(documents.map((path) => [path, readFileSync(join(repository, path), 'utf8')]))
    const isPacked = (path: string) => packed.includes(path) || folders.has(path.replace(/\/$/, ''))
    expect(checkLinks(texts, isPacked).map(describeViolation)).toEqual([])
  })

  test('has a command that knows its version', async () => {
    const { stdout } = await run('npx', ['--no-install', 'caucus', '--version'], { cwd: home })
    expect(stdout).toBe(`${version}\n`)
  })

  test('joins a group in one process with no server, and lets the process end by itself', async () => {
    writeFileSync(
      join(home, 'join.js'),
      `import { connect, embedded } from 'caucus'

const caucus = await connect(embedded())
try {
  const membership = await caucus.group('indexers').join({ metadata: { zone: 'a' } })
  for await (const { slot } of membership.watch()) {
    if (slot === undefined) continue
    console.log(JSON.stringify(slot))
    console.log(membership.owns('user-42'))
    break
  }
  await membership.leave()
} finally {
  await caucus[Symbol.asyncDispose]()
}
`,
    )
    // Nothing here ends it: a timer or socket that is left open would keep it alive until this limit.
    const { stdout, stderr } = await run(process.execPath, ['join.js'], { cwd: home, timeout: 30_000 })
    const [slot = '', owns] = stdout.trimEnd().split('\n')
    expect(JSON.parse(slot)).toEqual({ index: 1, total: 1, epoch: expect.any(Number) })
    expect(owns).toBe('true')
    expect(stderr).toBe('')
  })

  test('says of etcd and NATS what to install, once somebody connects and not before', async () => {
    const refusal = async (door: string, call: string) => {
      const program = `import { connect, embedded } from 'caucus'
import * as door from 'caucus/${door}'
await ${call}.catch(({ code, message }) => console.log(code, message))`
      return (await run(process.execPath, ['--input-type=module', '-e', program], { cwd: home })).stdout
    }
    expect(await refusal('etcd', "connect(door.etcd('127.0.0.1:1'))")).toBe(
      'CAUCUS_INVALID_CONFIG etcd() needs the package etcd3: npm install etcd3\n',
    )
    expect(await refusal('nats', "connect(embedded(), { topics: door.nats('127.0.0.1:1') })")).toBe(
      'CAUCUS_INVALID_CONFIG nats() needs the package @nats-io/transport-node: npm install @nats-io/transport-node\n',
    )
  })

  test('needs nothing of OpenTelemetry before somebody traces', async () => {
    const load = (door: string) =>
      run(process.execPath, ['--input-type=module', '-e', `await import('${door}')`], { cwd: home }).then(
        () => 'loaded',
        (error: { stderr: string }) => /\[(ERR_\w+)\]: .*'(.+?)'/.exec(error.stderr)?.slice(1) ?? error.stderr,
      )
    // Somebody else's dependency may bring it, as prom-client does, which the server needs.
    const installed = join(home, 'node_modules', '@opentelemetry', 'api')
    const away = join(temporary, 'api')
    renameSync(installed, away)
    try {
      for (const door of ['caucus', 'caucus/compat']) expect([door, await load(door)]).toEqual([door, 'loaded'])
      expect(await load('caucus/opentelemetry')).toEqual(['ERR_MODULE_NOT_FOUND', '@opentelemetry/api'])
    } finally {
      renameSync(away, installed)
    }
    expect(await load('caucus/opentelemetry')).toBe('loaded')
  })

  test('brings types that a strict program compiles against', async () => {
    writeFileSync(
      join(home, 'join.ts'),
      `import { CaucusError, connect, embedded } from 'caucus'
import { BlocClient } from 'caucus/compat'

export const main = async (signal: AbortSignal): Promise<number> => {
  await using caucus = await connect(embedded())
  await using membership = await caucus.group('indexers').join({ signal })
  const slot = membership.slot
  if (slot === undefined) throw new CaucusError('CAUCUS_NOT_SETTLED', 'not yet')
  return slot.index + slot.total + slot.epoch
}
export const pair: [number, number] | null = new BlocClient('http://127.0.0.1:8989', 3).getIndexTotal()
// @ts-expect-error an unknown code is refused
export const wrong = new CaucusError('CAUCUS_NO_SUCH_CODE', 'no')
`,
    )
    expect(await compiled(['join.ts'])).toBe('')
  })

  test('brings types that every example of the README and the documents compiles against', async () => {
    const documents = ['', 'guides/', 'recipes/'].flatMap((folder) =>
      readdirSync(join(repository, 'docs', folder)).flatMap((file) =>
        file.endsWith('.md') ? [`${folder}${file}`] : [],
      ),
    )
    // What is shown of the inside is not of the package.
    const shown = ['README.md', ...documents.filter((file) => file !== 'architecture.md').map((file) => `docs/${file}`)]
    const examples = shown.flatMap((file) => {
      const text = readFileSync(join(repository, file), 'utf8')
      return [...text.matchAll(/^```ts\n(.*?)^```/gms)].map((block) => {
        const line = text.slice(0, block.index).split('\n').length
        const name = `${file.replaceAll(/\W/g, '_')}_${line}.ts`
        writeFileSync(join(home, name), `${block[1]?.replaceAll('…', '')}\nexport {}\n`)
        return name
      })
    })
    expect(examples.length).toBeGreaterThan(20)
    const around = ['documented.d.ts', 'documented-nest.d.ts']
    for (const file of around) cpSync(join(repository, 'test/process/support', file), join(home, file))
    symlinkSync(join(repository, 'node_modules/vitest'), join(home, 'node_modules/vitest'))
    expect(await compiled([...examples, ...around])).toBe('')
  })
})

/** What the compiler, as strict as it gets, has to say about these files. */
const compiled = async (files: readonly string[]): Promise<string> => {
  const tsc = join(repository, 'node_modules', 'typescript', 'bin', 'tsc')
  const strict = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023']
  const library = ['--lib', 'es2023,esnext.disposable', '--skipLibCheck']
  const types = ['--typeRoots', join(repository, 'node_modules', '@types'), '--types', 'node']
  const given = [...strict, ...library, ...types, ...files]
  const { stdout } = await run(process.execPath, [tsc, ...given], { cwd: home }).catch(
    (error: { stdout: string }) => error,
  )
  return stdout
}
