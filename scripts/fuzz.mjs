// Random and mutated requests, frames and bytes at a real server; see docs/soak.md.
import { parseArgs } from 'node:util'
import { LAYERS } from '../dist/testing/fuzz/case.js'
import { fuzz } from '../dist/testing/fuzz/fuzz.js'
import { describeFuzz } from '../dist/testing/fuzz/summary.js'

const USAGE =
  'node scripts/fuzz.mjs [--inputs N] [--seed S] [--modes closed,open] [--layers LAYER[,LAYER]] [--only MODE/LAYER/CASE] [--json]'
const MODES = ['closed', 'open']

const fail = (message) => {
  console.error(`${message}\nUsage: ${USAGE}`)
  process.exit(2)
}

const parse = () => {
  try {
    return parseArgs({
      options: {
        inputs: { type: 'string', default: '20000' },
        seed: { type: 'string', default: String(Date.now() % 1_000_000) },
        modes: { type: 'string' },
        layers: { type: 'string' },
        only: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    return fail(error.message)
  }
}
const values = parse()
if (values.help) {
  console.log(`Usage: ${USAGE}; see docs/soak.md`)
  process.exit(0)
}
const someOf = (name, known) => {
  const given = values[name]?.split(',')
  for (const each of given ?? [])
    if (!known.includes(each)) fail(`--${name} knows no "${each}"; it takes ${known.join(', ')}`)
  return given
}
const whole = (name) => {
  if (!/^\d{1,12}$/.test(values[name])) fail(`--${name} takes a whole number from 0, not "${values[name]}"`)
  return Number(values[name])
}
const seed = whole('seed')
const inputs = whole('inputs')
const onlyOf = (text) => {
  const [, mode, layer, place] = /^(\w+)\/(\w+)\/(\d+)$/.exec(text) ?? []
  if (!MODES.includes(mode) || !LAYERS.includes(layer)) fail('--only takes what a finding says, such as closed/http/17')
  return { modes: [mode], layers: [layer], only: { layer, place: Number(place) } }
}
const modes = someOf('modes', MODES)
const layers = someOf('layers', LAYERS)

const interrupted = new AbortController()
process.once('SIGINT', () => interrupted.abort())
process.once('SIGTERM', () => interrupted.abort())
try {
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
  process.exitCode = report.ok ? (report.interrupted ? 130 : 0) : 1
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
