// Real processes under random faults until the time is over; see docs/soak.md.
import { parseArgs } from 'node:util'
import { trialFault } from '../dist/testing/trial/faults.js'
import { soak } from '../dist/testing/trial/soak.js'
import { describeSoak } from '../dist/testing/trial/summary.js'

const USAGE = 'npm run soak -- --minutes N [--seed S] [--workers W] [--faults NAME[,NAME]] [--keep] [--json]'

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
        keep: { type: 'boolean', default: false },
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
const minutes = Number(values.minutes)
if (!(minutes > 0 && minutes <= 10_000)) {
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

/** The longest that anything in a soak waits for is a minute; a round may wait for a few things. */
const HUNG_MS = minutes * 60_000 + 5 * 60_000
const hung = setTimeout(() => {
  console.error(
    `The soak itself hangs: it should have ended ${Math.round((HUNG_MS - minutes * 60_000) / 60_000)} minutes ago.`,
  )
  process.exit(1)
}, HUNG_MS)
hung.unref()

try {
  console.error(`seed ${seed}, ${minutes} min, ${workers} workers`)
  const tell = (line) => console.error(line)
  const { signal } = interrupted
  const report = await soak({ minutes, seed, workers, signal, tell, keep: values.keep, ...(faults && { faults }) })
  if (!values.json) console.log(describeSoak(report))
  else console.log(JSON.stringify(report))
  process.exitCode = report.ok ? (report.interrupted ? 130 : 0) : 1
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
