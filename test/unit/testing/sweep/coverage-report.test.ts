import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { coverageOf } from '../../../../src/testing/sweep/coverage.ts'
import { reportCoverage } from '../../../../src/testing/sweep/coverage-report.ts'

const folder = mkdtempSync(join(tmpdir(), 'caucus-coverage-'))
const root = pathToFileURL(`${folder}/`)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const code = `export const half = (n) => {
  if (n % 2 === 1) {
    return undefined;
  }
  switch (n) {
    default: return n / 2;
  }
  // Nobody comes here.
};
`
mkdirSync(join(folder, 'core'))
writeFileSync(join(folder, 'core/half.js'), code)
writeFileSync(join(folder, 'core/types.js'), '// Only types.\nexport {};\n//# sourceMappingURL=types.js.map\n')
writeFileSync(join(folder, 'core/idle.js'), 'export const idle = 1\n')
writeFileSync(join(folder, 'core/half.d.ts'), 'export declare const half: unknown;\n')

const at = (text: string) => code.indexOf(text)
const never = (from: string, to: string) => ({ startOffset: at(from), endOffset: at(to) + to.length, count: 0 })
const half = coverageOf([
  { ranges: [{ startOffset: 0, endOffset: code.length, count: 1 }] },
  {
    ranges: [
      { startOffset: at('(n)'), endOffset: at('};') + 1, count: 9 },
      never('{\n    return', 'undefined;\n  }'),
      { startOffset: at('default'), endOffset: at('n / 2;') + 6, count: 9 },
      never('\n  }\n  // Nobody', '};'),
    ],
  },
])
const report = () => reportCoverage({ 'core/half.js': half }, { root, folders: ['core'], seeds: 3 })

test('names what was not reached, by line and by how it begins', () => {
  expect(report().unreached).toEqual([{ file: 'core/half.ts', line: 3, code: 'return undefined;' }])
})

test('does not ask for a brace after the last return, nor for a comment', () => {
  const { blocks, functions, seeds } = report()
  expect({ blocks, functions, seeds }).toEqual({
    seeds: 3,
    functions: { reached: 2, total: 2 },
    blocks: { reached: 3, total: 4 },
  })
})

test('names a file that was never loaded, but not one of types', () => {
  expect(report().notLoaded).toEqual(['core/idle.ts'])
})

test('says the line of the source, where there is a map', () => {
  // Each line of the built text stands for the line ten further down.
  const map = {
    version: 3,
    sources: ['half.ts'],
    names: [],
    mappings: `${'AAAA'.replace('AAAA', 'AAUA')};AACA;AACA;AACA`,
  }
  writeFileSync(join(folder, 'core/half.js.map'), JSON.stringify(map))
  try {
    expect(report().unreached[0]?.line).toBe(13)
  } finally {
    rmSync(join(folder, 'core/half.js.map'))
  }
})
