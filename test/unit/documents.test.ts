import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { blocksIn } from '../process/support/documents/blocks.ts'
import { marked } from '../process/support/documents/markers.ts'

describe('the blocks of a page', () => {
  test('are found with their lines, and with what the page says that they print', () => {
    const page = '# A\n```ts\na()\n```\n\nwhich prints\n\n```text\n1\n```\n\n```sh\nb\n```\nprints nothing\n'
    expect(blocksIn('docs/a.md', page)).toMatchObject([
      { where: 'docs/a.md:2', language: 'ts', code: 'a()\n', prints: '1\n' },
      { where: 'docs/a.md:8', language: 'text', prints: undefined },
      { where: 'docs/a.md:12', language: 'sh', code: 'b\n', prints: undefined },
    ])
  })
})

describe('the marks in a program', () => {
  const lines = (code: string) => [...marked('a.ts', code).demanded.values()].sort((a, b) => a - b)

  test('stand before every statement and in every function, and do not change what it does', async () => {
    const code = 'const f = (n: number) => n + 1\nif (f(1) === 2) out.push(f(2))\nfor (const n of [1]) { out.push(n) }'
    expect(lines(code)).toEqual([1, 1, 2, 2, 3, 3])
    const { code: told } = marked('a.ts', code)
    const [out, reached]: [number[], number[]] = [[], []]
    const runnable = told.replace(': number', '').replace('export {}', '').replaceAll('globalThis.', '')
    new Function('out', 'reached', 'ended', runnable)(
      out,
      (n: number) => reached.push(n),
      () => reached.push(0),
    )
    expect(out).toEqual([3, 1])
    expect(new Set(reached)).toEqual(new Set([0, 1, 2, 3, 4, 5, 6]))
  })

  test('do not demand what a run can do without', () => {
    expect(lines('try {\n a()\n b()\n} catch {\n c()\n}')).toEqual([1, 2])
    expect(lines('if (a)\n b()\nelse\n c()')).toEqual([1, 2])
    expect(lines('while (a)\n b()')).toEqual([1])
    expect(lines('for (const n of [1]) {\n if (n)\n continue\n if (n)\n throw n\n}')).toEqual([1, 2, 4])
  })

  test('say whether there is an end to come to', () => {
    expect(marked('a.ts', 'a()').ends).toBe(true)
    expect(marked('a.ts', 'a()\nfor await (const b of c) d()').ends).toBe(false)
  })
})

describe('the reference', () => {
  const folders: string[] = []
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
  })

  /** Of a package with one door. */
  const referenceOf = async (types: string) => {
    const root = mkdtempSync(join(tmpdir(), 'caucus-reference-'))
    folders.push(root)
    mkdirSync(join(root, 'dist'))
    const manifest = { name: 'p', exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' } } }
    writeFileSync(join(root, 'package.json'), JSON.stringify(manifest))
    writeFileSync(join(root, 'dist/index.d.ts'), "export * from './a.ts';\nexport { b as c } from './b.ts';\n")
    writeFileSync(join(root, 'dist/a.d.ts'), types)
    writeFileSync(join(root, 'dist/b.d.ts'), '/** Gives one. */\nexport declare const b: () => 1;\n')
    // They are no TypeScript, and their types are nobody's.
    const load = (name: string) => import(`../../scripts/reference/${name}.mjs`)
    const [{ readModel }, { pagesOf }, { commentFaults }] = await Promise.all(['model', 'pages', 'comments'].map(load))
    const model = readModel(root)
    return { page: String(pagesOf(model).get('p.md')), faults: commentFaults(model) }
  }

  test('has what is exported under its own name, the shapes that it is made of, and links between them', async () => {
    const { page, faults } = await referenceOf(`
interface Inner { readonly n: number }
/** Takes options. */
export interface Options {
    /** How many. Default: 3. */
    readonly count?: number;
    readonly inner: Inner;
}
`)
    expect(page).toContain('## Options\n\nTakes options.\n\n```ts\ninterface Options\n```')
    expect(page).toContain('- `count?: number`: How many. Default: 3.\n- `inner: Inner`')
    expect(page).toContain('With [`Inner`](#inner).')
    expect(page).toContain('# Shapes')
    expect(page).toContain('## c\n\nGives one.')
    expect(faults).toEqual([])
  })

  test('is not content with a name or a method that has no comment, nor with one that promises nothing', async () => {
    const { faults } = await referenceOf(`
export interface Bare { readonly n: number }
/** This function does it. */
export declare const f: () => void;
/** and so on */
export declare const g: () => void;
/** Does things. */
export declare class K { #private; m(): void; readonly n: number }
`)
    expect(faults).toEqual([
      'src/a.ts: Bare has no doc comment.',
      'src/a.ts: f: its doc comment opens with filler, not with the promise: This function does it.',
      'src/a.ts: g: its doc comment does not open with a capital: and so on',
      'src/a.ts: g: its doc comment opens with no sentence: and so on',
      'src/a.ts: K.m has no doc comment.',
    ])
  })
})
