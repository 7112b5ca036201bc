// Random and mutated requests, frames and bytes at a real server; see docs/soak.md.
import { LAYERS } from '../dist/testing/fuzz/case.js'
import { fuzz } from '../dist/testing/fuzz/fuzz.js'
import { fuzzMutant } from '../dist/testing/fuzz/fuzz-mutant.js'
import { FUZZ_MUTANTS } from '../dist/testing/fuzz/mutants.js'
import { describeFuzz } from '../dist/testing/fuzz/summary.js'
import { fail, readOptions, stopped, wholeNumber } from './options.mjs'

const USAGE =
  'Usage: node scripts/fuzz.mjs [--inputs N] [--seed S] [--modes closed,open] [--layers LAYER[,LAYER]] [--only MODE/LAYER/CASE] [--json], or --mutants; see docs/soak.md'
const MODES = ['closed', 'open']

const values = readOptions(
  {
    inputs: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    modes: { type: 'string' },
    layers: { type: 'string' },
    only: { type: 'string' },
    mutants: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
  USAGE,
)
const someOf = (name, known) => {
  const given = values[name]?.split(',')
  for (const each of given ?? [])
    if (!known.includes(each)) fail(`--${name} knows no "${each}"; it takes ${known.join(', ')}`)
  return given
}
const seed = wholeNumber(values, 'seed', 0, 1e12)
const inputs = wholeNumber(values, 'inputs', 0, 1e12)
const onlyOf = (text) => {
  const [, mode, layer, place] = /^(\w+)\/(\w+)\/(\d+)$/.exec(text) ?? []
  if (!MODES.includes(mode) || !LAYERS.includes(layer)) fail('--only takes what a finding says, such as closed/http/17')
  return { modes: [mode], layers: [layer], only: { layer, place: Number(place) } }
}
const modes = someOf('modes', MODES)
const layers = someOf('layers', LAYERS)

const interrupted = stopped()

/** Each rule of the server that is broken on purpose has to be noticed. */
const fuzzMutants = async () => {
  let caught = 0
  for (const mutant of FUZZ_MUTANTS) {
    const { noticed, findings } = await fuzzMutant(mutant, interrupted.signal)
    if (interrupted.signal.aborted) return 130
    if (noticed) caught++
    console.log(`${mutant.name.padEnd(46)} ${noticed ? 'noticed' : `MISSED: ${findings[0] ?? 'nothing was found'}`}`)
  }
  console.log(`${caught} of ${FUZZ_MUTANTS.length} caught`)
  return caught === FUZZ_MUTANTS.length ? 0 : 1
}

const fuzzInputs = async () => {
  console.error(`seed ${seed}, ${values.only ?? `${inputs} inputs`}`)
  const report = await fuzz({
    seed,
    inputs,
    ...(modes && { modes }),
    ...(layers && { layers }),
    ...(values.only !== undefined && onlyOf(values.only)),
    signal: interrupted.signal,
    tell: (line) => console.error(line),
  })
  console.log(values.json ? JSON.stringify(report) : describeFuzz(report))
  return report.ok ? (report.interrupted ? 130 : 0) : 1
}

try {
  process.exitCode = await (values.mutants ? fuzzMutants() : fuzzInputs())
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
