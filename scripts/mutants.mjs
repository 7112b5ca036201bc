// Runs the simulator on every mutant: a copy of the built code with one rule broken. Each must be noticed.
// Usage: npm run mutants -- [--only NAME[,NAME]] [--seeds N] [--jobs N]
import { setMaxListeners } from 'node:events'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { MUTANTS } from '../dist/testing/mutants.js'
import { mutantNamed, sweepMutant } from '../dist/testing/mutation.js'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    seeds: { type: 'string', default: '3000' },
    jobs: { type: 'string', default: String(availableParallelism()) },
  },
})

const countOf = (option) => {
  const count = Number(values[option])
  if (Number.isSafeInteger(count) && count >= 1) return count
  console.error(`--${option} takes a whole number from 1, not "${values[option]}"`)
  process.exit(2)
}
const seeds = countOf('seeds')
const jobs = countOf('jobs')

const stopping = new AbortController()
// As many as there are jobs.
setMaxListeners(0, stopping.signal)
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stopping.abort())

const verdictOn = async (mutant) => {
  const { caught } = await sweepMutant(mutant, { from: 1, seeds, signal: stopping.signal })
  const verdict =
    caught === undefined
      ? `MISSED by ${seeds} seeds: ${mutant.rule}`
      : `${caught.invariant.padEnd(6)} within ${caught.seed} seeds`
  return { caught: caught !== undefined, line: `${mutant.name.padEnd(34)} ${verdict}` }
}

try {
  const mutants = values.only === undefined ? MUTANTS : values.only.split(',').map(mutantNamed)
  const verdicts = []
  let begun = 0
  let told = 0
  const work = async () => {
    while (begun < mutants.length && !stopping.signal.aborted) {
      const index = begun++
      verdicts[index] = await verdictOn(mutants[index])
      // In the order of the list, whoever is first.
      for (; verdicts[told] !== undefined; told++) console.log(verdicts[told].line)
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
  const caught = verdicts.filter((verdict) => verdict.caught).length
  console.log(`${caught} of ${mutants.length} caught`)
  process.exitCode = caught === mutants.length ? 0 : 1
} catch (error) {
  console.error(stopping.signal.aborted ? 'interrupted' : error.message)
  // One that went wrong ends the others, so that none is left running.
  stopping.abort()
  process.exitCode = stopping.signal.reason === error ? 130 : 1
}
