import { execFileSync } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { fuzz } from '../../src/testing/fuzz/fuzz.ts'
import { fuzzMutant } from '../../src/testing/fuzz/fuzz-mutant.ts'
import { FUZZ_MUTANTS } from '../../src/testing/fuzz/mutants.ts'
import { describeFuzz } from '../../src/testing/fuzz/summary.ts'
import { type Break, House } from '../../src/testing/trial/house.ts'

describe('random and mutated inputs', { timeout: 180_000 }, () => {
  test('through every route, the link and bare sockets disturb nobody, and leave nothing behind', async () => {
    const report = await fuzz({ seed: 20_261_122, inputs: 3_000 })
    expect(report.findings).toEqual([])
    expect(report).toMatchObject({ ok: true, interrupted: false })
    expect(report.inputs).toBeGreaterThan(3_000)
    // Every layer has had its share, in both modes, and most of it went through real sockets.
    expect(report.layers.map(({ mode, layer }) => `${mode} ${layer}`)).toHaveLength(10)
    const through = report.layers.filter(({ layer }) => ['http', 'link', 'raw'].includes(layer))
    expect(through.reduce((sum, { inputs }) => sum + inputs, 0)).toBeGreaterThan(report.inputs * 0.6)
    expect(report.looks).toBeGreaterThan(10)
    expect(describeFuzz(report)).toMatch(/nothing found$/)
  })
})

/** Each is noticed in another way. The others: `npm run fuzz -- --mutants`. */
const QUICK = [
  'rights that hold in every group',
  'listeners that outlive their link',
  'a link that ends the process with its error',
]

describe('a fuzzer notices', { timeout: 180_000 }, () => {
  test.each(QUICK)('%s', async (name) => {
    const mutant = FUZZ_MUTANTS.find((each) => each.name === name)
    if (mutant === undefined) throw new Error(`there is no mutant "${name}" of the server`)
    expect(await fuzzMutant(mutant)).toMatchObject({ noticed: true })
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
