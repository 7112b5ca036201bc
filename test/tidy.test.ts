import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ERROR_CODES } from '../src/errors.ts'
import { checkErrorTable, checkEvents, checkLinks, checkMentionedCodes } from './tidy/documents.ts'
import { checkExports } from './tidy/exports.ts'
import { checkCycles, checkImports } from './tidy/imports.ts'
import { checkPurity } from './tidy/purity.ts'
import { describeViolation, type Files, readTree, root, type Violation } from './tidy/source.ts'
import { checkLength, checkNothingLeftOpen } from './tidy/text.ts'

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const dependencies = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })
const sources = readTree(['src'], ['.ts'])
const code = readTree(['src', 'test', 'bin', 'scripts', 'bench', 'examples', 'web'], ['.ts', '.tsx', '.js', '.mjs'])
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const documents: Files = new Map([...readTree(['docs'], ['.md']), ['README.md', readme]])
/** The reference is made from the code: that a name stands there says nothing. */
const written: Files = new Map([...documents].filter(([file]) => !file.startsWith('docs/reference/')))
const document = (name: string) => documents.get(`docs/${name}`) ?? ''

const inTree = (file: string, text: string, ...others: string[]): Files =>
  new Map([[file, text], ...others.map((other): [string, string] => [other, ''])])
const said = (violations: readonly Violation[]) => violations.map(describeViolation)

describe('the tree', () => {
  test('imports only what the table in docs/architecture.md allows', () => {
    expect(said(checkImports(sources, dependencies))).toEqual([])
  })
  test('has no circle of imports', () => {
    expect(said(checkCycles(sources))).toEqual([])
  })
  test('keeps src/core pure', () => {
    expect(said(checkPurity(sources))).toEqual([])
  })
  test('documents every error code as it is', () => {
    expect(said(checkErrorTable(ERROR_CODES, document('errors.md')))).toEqual([])
    expect(said(checkMentionedCodes(ERROR_CODES, documents))).toEqual([])
  })
  test('documents every event, and no other', () => {
    expect(said(checkEvents(sources, document('events.md')))).toEqual([])
  })
  test('documents every name that its doors export', () => {
    expect(said(checkExports(manifest.exports, sources, written))).toEqual([])
  })
  test('has no link that leads nowhere', () => {
    const all: Files = new Map([...documents, ...['CONTRIBUTING.md', 'CHANGELOG.md'].map((file) => read(file))])
    expect(said(checkLinks(all, (path) => existsSync(join(root, path))))).toEqual([])
  })
  test('leaves nothing open and no file too long', () => {
    expect(said(checkNothingLeftOpen(code))).toEqual([])
    expect(said(checkLength(code))).toEqual([])
  })
})

const read = (file: string): [string, string] => [file, readFileSync(join(root, file), 'utf8')]

describe('the check of imports catches', () => {
  const check = (file: string, text: string, ...others: string[]) =>
    said(checkImports(inTree(file, text, ...others), ['ws', 'fastify', 'commander', '@fastify/static']))

  test.each([
    ['src/core/a.ts', "\nimport 'node:fs'", 'src/core/a.ts:2 core may not import node:fs'],
    ['src/core/a.ts', "import type { A } from '../ports/b.ts'", 'src/core/a.ts:1 core may not import ports'],
    ['src/core/a.ts', "export * from '../ports/b.ts'", 'src/core/a.ts:1 core may not import ports'],
    ['src/core/a.ts', "export { A } from '../ports/b.ts'", 'src/core/a.ts:1 core may not import ports'],
    ['src/core/a.ts', "type A = import('../ports/b.ts').A", 'src/core/a.ts:1 core may not import ports'],
    ['src/cli/a.ts', "await import('ws')", 'src/cli/a.ts:1 cli may not import the package ws'],
    ['src/errors.ts', "import { A } from './ports/b.ts'", 'src/errors.ts:1 errors may not import ports'],
    ['src/runtime/a.ts', "import 'node:net'", 'src/runtime/a.ts:1 runtime may not import node:net'],
    ['src/client/a.ts', "import '../server/b.ts'", 'src/client/a.ts:1 client may not import server'],
    ['src/server/a.ts', "import '../client/b.ts'", 'src/server/a.ts:1 server may not import client'],
    [
      'src/server/a.ts',
      "import '../backends/embedded.ts'",
      'src/server/a.ts:1 server may not import backends/embedded',
    ],
    [
      'src/backends/remote/a.ts',
      "import '../embedded.ts'",
      'src/backends/remote/a.ts:1 backends/remote may not import backends/embedded',
    ],
    ['src/testing/a.ts', "import '../cli/b.ts'", 'src/testing/a.ts:1 testing may not import cli'],
    ['src/index.ts', "export * from './demo/b.ts'", 'src/index.ts:1 door may not import demo'],
    ['src/compat/a.ts', "import '../server/b.ts'", 'src/compat/a.ts:1 compat may not import server'],
    ['src/transports/a.ts', "import 'fastify'", 'src/transports/a.ts:1 transports may not import the package fastify'],
    ['src/server/a.ts', "import 'vitest'", 'src/server/a.ts:1 vitest is no dependency that an installed caucus has'],
    [
      'src/attic/a.ts',
      "import '../core/b.ts'",
      'src/attic/a.ts:1 attic is no folder of the table in docs/architecture.md',
    ],
    ['src/core/a.ts', "import './b.js'", 'src/core/a.ts:1 ./b.js: a relative import ends in .ts'],
    ['src/core/a.ts', "import './c.ts'", 'src/core/a.ts:1 ./c.ts: there is no src/core/c.ts'],
    ['src/cli/a.ts', 'import(name)', 'src/cli/a.ts:1 imports a module whose name is computed, so nobody can check it'],
  ])('in %s: %s', (file, text, expected) => {
    const others = ['core', 'ports', 'server', 'client', 'cli', 'demo'].map((folder) => `src/${folder}/b.ts`)
    expect(check(file, text, ...others, 'src/backends/embedded.ts')).toEqual([expected])
  })

  test('a value where only types are allowed', () => {
    const ports = (text: string) => check('src/ports/a.ts', text, 'src/core/b.ts')
    expect(ports("import type { A } from '../core/b.ts'")).toEqual([])
    expect(ports("import { type A, type B } from '../core/b.ts'")).toEqual([])
    expect(ports("export type { A } from '../core/b.ts'")).toEqual([])
    expect(ports("import { type A, b } from '../core/b.ts'")).toEqual([
      'src/ports/a.ts:1 ports may import only types of core: write `import type`',
    ])
    expect(ports("import '../core/b.ts'")).toHaveLength(1)
  })

  test('what is bundled, but in the file with which it is', () => {
    const wire = (file: string) => said(checkImports(inTree(file, "import '@sinclair/typebox'"), ['@sinclair/typebox']))
    expect(wire('src/wire/type.ts')).toEqual([])
    expect(wire('src/wire/a.ts')).toEqual([
      'src/wire/a.ts:1 only src/wire/type.ts may import @sinclair/typebox, with which it is bundled',
    ])
  })

  test('and lets through what is allowed', () => {
    expect(check('src/server/a.ts', "import '@fastify/static'\nimport 'fastify'\nimport 'node:http'")).toEqual([])
    expect(check('src/runtime/a.ts', "import 'node:timers/promises'")).toEqual([])
    expect(check('src/compat/a.ts', "import '../index.ts'", 'src/index.ts')).toEqual([])
    expect(check('src/demo/a.ts', "import '../compat/index.ts'", 'src/compat/index.ts')).toEqual([])
    expect(check('src/demo/a.ts', "import '../compat/client.ts'", 'src/compat/client.ts')).toHaveLength(1)
  })
})

test('the check of circles catches one over three files, once', () => {
  const files = new Map([
    ['src/core/a.ts', "import './b.ts'"],
    ['src/core/b.ts', "\nimport type { C } from './c.ts'"],
    ['src/core/c.ts', "import './a.ts'"],
    ['src/core/d.ts', "import './a.ts'"],
  ])
  expect(said(checkCycles(files))).toEqual([
    'src/core/c.ts:1 closes a circle of imports: src/core/a.ts → src/core/b.ts → src/core/c.ts → src/core/a.ts',
  ])
  files.set('src/core/c.ts', '')
  expect(checkCycles(files)).toEqual([])
})

describe('the check of purity', () => {
  const check = (text: string) => said(checkPurity(inTree('src/core/a.ts', text)))

  test.each([
    'const now = Date.now()',
    'const at = new Date(0)',
    'let at: Date',
    'performance.now()',
    'setTimeout(f, 1)',
    'queueMicrotask(f)',
    'Math.random()',
    "Math['random']()",
    'const { random } = Math',
    'const m = Math',
    'process.pid',
    'const { pid } = process',
    'const x = { process }',
    'console.log(1)',
    'crypto.randomUUID()',
    'globalThis.f()',
    'let p: Promise<void>',
    'async function f() {}',
    'const f = async () => 1',
    'class A { async m() {} }',
    'await f()',
    "import('./b.ts')",
    "throw new Error('no')",
    'const f = () => { throw 1 }',
    'ids.sort((a, b) => a.localeCompare(b))',
    'fetch(url)',
  ])('catches: %s', (text) => {
    expect(check(text)).not.toEqual([])
  })

  test.each([
    'Math.max(1, Math.floor(2))',
    'clock.performance',
    'const x = { process: 1, Date: 2 }',
    'interface A { process(): void; readonly console: string }',
    'class A { process() {} }',
    "function invariant(holds: boolean) { if (!holds) throw new Error('broken') }",
    'const text = "Date.now()" // Date.now()',
  ])('lets through: %s', (text) => {
    expect(check(text)).toEqual([])
  })

  test('says where, and looks at src/core only', () => {
    expect(check('\n\nconst a = Date.now()')).toEqual(['src/core/a.ts:3 uses Date: time is an argument'])
    expect(checkPurity(inTree('src/cli/a.ts', 'Date.now()'))).toEqual([])
  })
})

describe('the check of the documents', () => {
  const codes = { CAUCUS_A: { status: 400, retriable: false, definite: true } }

  test('holds the table of errors against the code', () => {
    expect(said(checkErrorTable(codes, '| `CAUCUS_A` | 400 | no | yes | always | wait |'))).toEqual([])
    expect(said(checkErrorTable(codes, ''))).toEqual(['docs/errors.md:1 CAUCUS_A is not documented'])
    expect(said(checkErrorTable(codes, '\n| `CAUCUS_A` | 404 | yes | yes | always | |\n| `CAUCUS_B` |'))).toEqual([
      'docs/errors.md:2 CAUCUS_A: status is 400 in the code, not 404',
      'docs/errors.md:2 CAUCUS_A: retriable is no in the code, not yes',
      'docs/errors.md:2 CAUCUS_A does not say what to do',
      'docs/errors.md:3 CAUCUS_B is no error code',
    ])
    expect(said(checkMentionedCodes(codes, inTree('README.md', 'CAUCUS_A CAUCUS_INDEX\n`CAUCUS_C`')))).toEqual([
      'README.md:2 CAUCUS_C is no error code',
    ])
  })

  test('holds the table of events against the code', () => {
    const check = (text: string, table: string) => said(checkEvents(inTree('src/core/a.ts', text), table))
    const declared = "export const EVENT_NAMES = ['member.joined', 'group.settling'] as const"
    const table = '| `member.joined` | a |\n| `group.settling` | b |'
    expect(check(declared, table)).toEqual([])
    expect(check("export type E = { type: 'member.joined' } | { type: 'group.settling' }", table)).toEqual([])
    expect(check(declared, '| `member.joined` | a |')).toEqual([
      'src/core/a.ts:1 the event group.settling is not documented in docs/events.md',
    ])
    expect(check(declared, `${table}\n| \`member.left\` | c |`)).toEqual(['docs/events.md:3 no code emits member.left'])
    expect(check("export type Event = 'leader.elect'", '| `leader.elect` | a |')).toEqual([
      'src/core/a.ts:1 the event leader.elect is not spelled subject.pastTense',
    ])
    expect(check("const page = 'index.html'", '')).toEqual([])
  })

  test('asks for a word on every exported name, through re-exports too', () => {
    const files = new Map([
      [
        'src/index.ts',
        "export * from './core/a.ts'\nexport type { T } from './core/a.ts'\nexport { x as y } from './core/a.ts'",
      ],
      ['src/core/a.ts', 'export const x = 1\nexport interface T {}\nexport class K {}'],
    ])
    const doors = { '.': { default: './dist/index.js' }, './package.json': './package.json' }
    expect(said(checkExports(doors, files, inTree('README.md', '`x`, `y` and `K` and `T`')))).toEqual([])
    expect(said(checkExports(doors, files, inTree('README.md', 'x, xy, T')))).toEqual([
      'src/core/a.ts:3 . exports K, which no document mentions',
      'src/index.ts:3 . exports y, which no document mentions',
    ])
    expect(said(checkExports({ './etcd': { default: './dist/etcd.js' } }, files, files))).toEqual([
      'package.json:1 exports ./etcd, but there is no src/etcd.ts',
    ])
  })

  test('follows relative links', () => {
    const text = '[a](errors.md#x) [b](https://example.org) [c](#here)\n[d](gone.md)\n# Here'
    expect(said(checkLinks(inTree('docs/a.md', text), (path) => path === 'docs/errors.md'))).toEqual([
      'docs/a.md:2 links to gone.md, which does not exist',
    ])
    const pages = new Map([
      [
        'docs/a.md',
        '# A `page`, twice\n[b](b.md#two-words) [here](#a-page-twice)\n[no](b.md#gone)\n```\n[x](no.md)\n```',
      ],
      ['docs/b.md', '## Two words'],
    ])
    expect(said(checkLinks(pages, (path) => pages.has(path)))).toEqual([
      'docs/a.md:3 links to b.md#gone, and there is no such heading',
    ])
  })

  test('counts lines and finds what is left open', () => {
    expect(said(checkLength(inTree('a.ts', 'x\n'.repeat(400))))).toEqual([])
    expect(said(checkLength(inTree('a.ts', 'x\n'.repeat(401))))).toEqual(['a.ts:401 has 401 lines; at most 400'])
    expect(said(checkNothingLeftOpen(inTree('a.ts', `one\n// ${'TO'}${'DO'}: two`)))).toHaveLength(1)
  })
})
