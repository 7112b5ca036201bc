// Real processes under random faults until the time is over; see docs/soak.md.
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { fuzz } from '../dist/testing/fuzz/fuzz.js'
import { describeFuzz } from '../dist/testing/fuzz/summary.js'
import { trialFault } from '../dist/testing/trial/faults.js'
import { soak } from '../dist/testing/trial/soak.js'
import { describeSoak } from '../dist/testing/trial/summary.js'

const USAGE =
  'npm run soak -- --minutes N [--seed S] [--workers W] [--faults NAME[,NAME]] [--fuzz INPUTS] [--keep] [--json], or --fuzz INPUTS alone, or --memory --minutes N, or peers (see peers --help)'
/** What a soak by minutes fuzzes besides: a few seconds of each minute. */
const INPUTS_A_MINUTE = 10_000

const fail = (message) => {
  console.error(`${message}\nUsage: ${USAGE}`)
  process.exit(2)
}

const parse = () => {
  try {
    return parseArgs({
      options: {
        minutes: { type: 'string' },
        seed: { type: 'string', default: String(Date.now() % 1_000_000) },
        workers: { type: 'string', default: '3' },
        faults: { type: 'string' },
        fuzz: { type: 'string' },
        keep: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    return fail(error.message)
  }
}
// Storms over clusters of peers: options of their own.
if (process.argv[2] === 'peers') {
  process.argv.splice(2, 1)
  await import('./soak-peers.mjs')
  process.exit()
}
// Steady load without faults, and a verdict on memory: a row of the benchmarks, with options of its own.
if (process.argv.includes('--memory')) {
  const others = process.argv.slice(2).filter((each) => each !== '--memory')
  const run = new URL('../bench/run.mjs', import.meta.url).pathname
  process.exit(spawnSync(process.execPath, [run, 'memory', ...others], { stdio: 'inherit' }).status ?? 1)
}
const values = parse()
if (values.help) {
  console.log(`Usage: ${USAGE}; see docs/soak.md`)
  process.exit(0)
}
const inputsOf = (text) => {
  const inputs = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (!(inputs <= 1e9)) fail(`--fuzz takes how many inputs, from 0 to 1000000000, not "${text}"`)
  return inputs
}
const asked = values.fuzz === undefined ? undefined : inputsOf(values.fuzz)
/** Without minutes nothing but inputs. */
const isFuzzOnly = values.minutes === undefined && asked !== undefined
const minutes = isFuzzOnly ? 0 : Number(values.minutes)
const inputs = asked ?? Math.round(minutes * INPUTS_A_MINUTE)
if (!isFuzzOnly && !(minutes > 0 && minutes <= 10_000)) {
  fail('--minutes takes a number above 0 and up to 10000 (a week), such as --minutes 10')
}
const seed = /^\d+$/.test(values.seed) ? Number(values.seed) : Number.NaN
if (!Number.isSafeInteger(seed)) fail(`--seed takes a whole number from 0, not "${values.seed}"`)
const workers = Number(values.workers)
if (!Number.isSafeInteger(workers) || workers < 1 || workers > 5) fail('--workers takes a whole number from 1 to 5')
const faultsOf = (names) => {
  try {
    return names?.split(',').map(trialFault)
  } catch (error) {
    return fail(error.message)
  }
}
const faults = faultsOf(values.faults)

const interrupted = new AbortController()
/** One Ctrl-C may come twice: from the terminal, and from npm, which passes it on. */
const ONCE_MS = 500
let interruptedMs = 0
process.on('SIGINT', () => {
  // Whoever asks twice does not want to wait for the end of what is under way.
  if (interrupted.signal.aborted && performance.now() - interruptedMs > ONCE_MS) process.exit(130)
  if (!interrupted.signal.aborted) interruptedMs = performance.now()
  interrupted.abort()
})
process.on('SIGTERM', () => interrupted.abort())

/** The longest that anything in a soak waits for is a minute; a round may wait for a few things. Even a busy machine takes so many inputs a second. */
const INPUTS_A_SECOND = 100
const LATE_MS = 5 * 60_000
const hung = setTimeout(
  () => {
    console.error(`The soak itself hangs: it should have ended ${LATE_MS / 60_000} minutes ago.`)
    process.exit(1)
  },
  Math.min(2 ** 31 - 1, minutes * 60_000 + (inputs / INPUTS_A_SECOND) * 1_000 + LATE_MS),
)
hung.unref()

const tell = (line) => console.error(line)
const { signal } = interrupted

const fuzzed = async () => {
  if (inputs === 0) return undefined
  console.error(`seed ${seed}, ${inputs} inputs`)
  const report = await fuzz({ inputs, seed, signal, tell })
  if (!values.json) console.log(describeFuzz(report))
  return report
}

const soaked = async () => {
  if (isFuzzOnly || signal.aborted) return undefined
  console.error(`seed ${seed}, ${minutes} min, ${workers} workers`)
  const report = await soak({ minutes, seed, workers, signal, tell, keep: values.keep, ...(faults && { faults }) })
  if (!values.json) console.log(describeSoak(report))
  return report
}

try {
  const inputsReport = await fuzzed()
  const soakReport = await soaked()
  if (values.json) console.log(JSON.stringify({ ...soakReport, ...(inputsReport && { fuzz: inputsReport }) }))
  const isOk = (inputsReport?.ok ?? true) && (soakReport?.ok ?? true)
  process.exitCode = isOk ? (signal.aborted ? 130 : 0) : 1
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
