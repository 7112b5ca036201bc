// Storms over clusters of real peers; see docs/soak.md.
import { parseArgs } from 'node:util'
import { peerFault } from '../dist/testing/trial/peers/peer-faults.js'
import { slowerTiming } from '../dist/testing/trial/peers/peers-setup.js'
import { storm } from '../dist/testing/trial/peers/storm.js'
import { describeStorm } from '../dist/testing/trial/peers/storm-summary.js'

const USAGE =
  'npm run soak -- peers [--repetitions N] [--seed S] [--faults NAME[,NAME]] [--voters N] [--slower TIMES] [--keep] [--json]'
/** Several times what the slowest storm takes. */
const STORM_WITHIN_MS = 15 * 60_000

const fail = (message) => {
  console.error(`${message}\nUsage: ${USAGE}`)
  process.exit(2)
}

const parse = () => {
  try {
    return parseArgs({
      options: {
        repetitions: { type: 'string', default: '40' },
        seed: { type: 'string', default: String(Date.now() % 1_000_000) },
        faults: { type: 'string' },
        voters: { type: 'string' },
        slower: { type: 'string' },
        keep: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    return fail(error.message)
  }
}
const whole = (name, text, least, most) => {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (!(number >= least && number <= most))
    fail(`--${name} takes a whole number from ${least} to ${most}, not "${text}"`)
  return number
}
const faultsOf = (names) => {
  try {
    return names?.split(',').map(peerFault)
  } catch (error) {
    return fail(error.message)
  }
}

/** `npm run soak -- peers`. Ends with 0 when nothing was violated, 1 when something was, 2 for wrong usage, 130 when interrupted. */
const values = parse()
if (values.help) {
  console.log(`Usage: ${USAGE}; see docs/soak.md`)
  process.exit(0)
}
const repetitions = whole('repetitions', values.repetitions, 1, 10_000)
const seed = whole('seed', values.seed, 0, Number.MAX_SAFE_INTEGER)
const trial = {
  ...(values.voters !== undefined && { voters: whole('voters', values.voters, 3, 7) }),
  ...(values.slower !== undefined && { timing: slowerTiming(whole('slower', values.slower, 1, 20)) }),
}
const faults = faultsOf(values.faults)

const interrupted = new AbortController()
process.on('SIGINT', () => interrupted.abort())
process.on('SIGTERM', () => interrupted.abort())
const hung = setTimeout(
  () => {
    console.error('The storms themselves hang: they should have ended long ago.')
    process.exit(1)
  },
  Math.min(2 ** 31 - 1, repetitions * STORM_WITHIN_MS),
)
hung.unref()

try {
  console.error(`seed ${seed}, ${repetitions} storms`)
  const { signal } = interrupted
  const tell = (line) => console.error(line)
  const given = { trial, ...(faults && { faults }) }
  const report = await storm({ repetitions, seed, signal, tell, keep: values.keep, ...given })
  console.log(values.json ? JSON.stringify(report) : describeStorm(report))
  process.exitCode = report.ok ? (signal.aborted ? 130 : 0) : 1
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
