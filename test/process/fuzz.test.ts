import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { fuzz } from '../../src/testing/fuzz/fuzz.ts'
import { FUZZ_MUTANTS } from '../../src/testing/fuzz/mutants.ts'
import { describeFuzz } from '../../src/testing/fuzz/summary.ts'
import { type Break, House } from '../../src/testing/trial/house.ts'

describe('random and mutated inputs', { timeout: 180_000 }, () => {
  test('through every route, the link and bare sockets disturb nobody, and leave nothing behind', async () => {
    const report = await fuzz({ seed: 20_261_122, inputs: 6_000 })
    expect(report.findings).toEqual([])
    expect(report).toMatchObject({ ok: true, interrupted: false })
    expect(report.inputs).toBeGreaterThan(6_000)
    // Every layer has had its share, in both modes, and most of it went through real sockets.
    expect(report.layers.map(({ mode, layer }) => `${mode} ${layer}`)).toHaveLength(10)
    const through = report.layers.filter(({ layer }) => ['http', 'link', 'raw'].includes(layer))
    expect(through.reduce((sum, { inputs }) => sum + inputs, 0)).toBeGreaterThan(report.inputs * 0.6)
    expect(report.looks).toBeGreaterThan(10)
    expect(describeFuzz(report)).toMatch(/nothing found$/)
  })
})

describe('a fuzzer notices', { timeout: 180_000 }, () => {
  test.each(FUZZ_MUTANTS.map((mutant) => [mutant.name, mutant] as const))('%s', async (_name, mutant) => {
    const { mode, layer, expected } = mutant
    const report = await fuzz({
      seed: 1,
      inputs: 6_000,
      modes: [mode],
      layers: [layer],
      broken: [mutant],
      quietMs: 1_000,
    })
    // It keeps the logs of what it found, and this was expected.
    rmSync(report.logs ?? '', { recursive: true, force: true, maxRetries: 10 })
    expect(report.ok).toBe(false)
    expect(report.findings.join('\n')).toMatch(expected)
  })

  const inProcess: readonly (readonly [string, string, RegExp, Break])[] = [
    [
      'a body that is not held against its schema, without a wire',
      'decode',
      /a decoder threw|a body is taken that no link may say/,
      { file: 'wire/http.js', find: 'const fault = checkBody(json.value);', replace: 'const fault = undefined;' },
    ],
    [
      'a coordinator without a limit of groups',
      'coordinator',
      /there are \d+ groups, and the limit is/,
      { file: 'core/group/coordinator.js', find: 'if (this.#groups.size >= limit)', replace: 'if (limit < 0)' },
    ],
  ]
  test.each(inProcess)('%s', (_name, layer, expected, broken) => {
    const house = new House([broken])
    try {
      const module = (name: string) => JSON.stringify(pathToFileURL(house.path(`dist/${name}.js`)).href)
      const program = `
        import { CASES } from ${module('testing/fuzz/cases')}
        import { describedApi } from ${module('testing/fuzz/api')}
        import { World } from ${module('testing/fuzz/world')}
        import { seededRandom } from ${module('core/random')}
        for (let n = 0; n < 20; n++) {
          const setting = { random: seededRandom(n), api: describedApi(), world: new World('open'), target: { host: '', port: 0 } }
          const { fault } = await CASES.${layer}(setting)
          if (fault !== undefined) { console.log(fault); break }
        }`
      const said = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
      expect(said).toMatch(expected)
    } finally {
      house.remove()
    }
  })
})
