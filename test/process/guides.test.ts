import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { freePorts } from '../../src/testing/servers/ports.ts'
import { endAll, repository, startNode, startServer } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

// Blocks of the guides and recipes that say what they print are run as somebody would who copied them, on the built package.

interface Block {
  /** `docs/guides/from-bloc.md:32`. */
  readonly where: string
  readonly file: string
  readonly needsServer: boolean
  readonly code: string
  /** What the page says that it prints. */
  readonly prints: string
}

const RUN = /^<!-- runs( with caucus serve)? -->\n```ts\n(.*?)^```\n+[^\n]*prints[^\n]*\n+```text\n(.*?)^```/gms

const blocksOf = (path: string): Block[] => {
  const text = readFileSync(join(repository, path), 'utf8')
  const blocks = [...text.matchAll(RUN)].map(({ 1: server, 2: code = '', 3: prints = '', index }) => {
    const line = text.slice(0, index).split('\n').length
    const file = `${path.replaceAll(/\W/g, '_')}_${line}`
    return { where: `${path}:${line}`, file, needsServer: server !== undefined, code, prints }
  })
  // One that was marked and is not run would be a promise that nobody keeps.
  const marks = text.match(/^<!-- runs/gm)?.length ?? 0
  if (marks !== blocks.length)
    throw new Error(`${path}: ${marks} blocks are marked, ${blocks.length} say what they print`)
  return blocks
}

const pages = ['docs/guides', 'docs/recipes'].flatMap((folder) =>
  readdirSync(join(repository, folder)).map((file) => `${folder}/${file}`),
)
const blocks = pages.filter((path) => path.endsWith('.md')).flatMap(blocksOf)

const home = mkdtempSync(join(tmpdir(), 'caucus-guides-'))
/** The ports that the pages name, and those that are free here. */
const ports = new Map<string, number>()

beforeAll(async () => {
  const free = await freePorts(3)
  for (const [n, port] of free.entries()) ports.set(String(7001 + n), port)
  mkdirSync(join(home, 'node_modules'))
  symlinkSync(repository, join(home, 'node_modules/caucus'))
  writeFileSync(join(home, 'package.json'), JSON.stringify({ name: 'home', private: true, type: 'module' }))
  for (const { file, code } of blocks) {
    const here = code.replaceAll(/\b700[123]\b/g, (port) => String(ports.get(port)))
    writeFileSync(join(home, `${file}.ts`), `${here}\nexport {}\n`)
  }
  // Node 20 knows no `await using`: that is compiled away, as in any project. Types are looked at by pack.test.ts.
  const compilerOptions = { noCheck: true, types: [], rootDir: '.', outDir: '.', module: 'nodenext', target: 'es2022' }
  const files = blocks.map(({ file }) => `${file}.ts`)
  writeFileSync(join(home, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
  const compiler = startNode([join(repository, 'node_modules/typescript/bin/tsc'), '-p', home])
  const { code } = await waitFor('the compiler', () => compiler.ended(), { withinMs: 50_000 })
  if (code !== 0) throw new Error(compiler.stdout())
})
afterEach(endAll)
afterAll(() => rmSync(home, { recursive: true, force: true }))

describe('the guides and recipes', () => {
  test.for(blocks)('print what they say: $where', async ({ file, needsServer, prints }) => {
    const path = join(home, `${file}.js`)
    if (needsServer) {
      const { address } = await startServer(['--fresh', '-t', '1', '-s', '0.1'])
      writeFileSync(path, readFileSync(path, 'utf8').replaceAll('127.0.0.1:8989', address))
    }
    const program = startNode([path])
    // Nothing ends it: a timer or socket that is left open would keep it alive.
    const ended = await waitFor(`${file} to end`, () => program.ended(), { withinMs: 50_000 })
    expect(program.stderr()).toBe('')
    expect(program.stdout()).toBe(prints)
    expect(ended.code).toBe(0)
  })

  test('have something to run on each page that is about something else', () => {
    const run = new Set(blocks.map(({ where }) => where.split(':')[0]))
    // The index, and a framework that is not installed here.
    expect(pages.filter((path) => !run.has(path))).toEqual(['docs/guides/README.md', 'docs/recipes/nestjs.md'])
  })
})
