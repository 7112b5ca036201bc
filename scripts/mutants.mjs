// Runs the simulator on every mutant: a copy of the built code with one rule broken. Each must be noticed.
import { setMaxListeners } from 'node:events'
import { availableParallelism } from 'node:os'
import { MUTANTS } from '../dist/testing/mutants.js'
import { MutantCopy, mutantNamed } from '../dist/testing/mutation.js'
import { fail, readOptions, stopped, wholeNumber } from './options.mjs'

const values = readOptions(
  {
    only: { type: 'string' },
    seeds: { type: 'string', default: '3000' },
    jobs: { type: 'string', default: String(availableParallelism()) },
  },
  'Usage: npm run mutants -- [--only NAME[@FIRST-SEED][,NAME]] [--seeds N] [--jobs N]',
)
const seeds = wholeNumber(values, 'seeds', 1, 1e9)
const jobs = wholeNumber(values, 'jobs', 1, 1024)

const chosen = () => {
  try {
    if (values.only === undefined) return MUTANTS.map((mutant) => ({ mutant, from: 1 }))
    return values.only.split(',').map((each) => {
      const [name, from = '1'] = each.split('@')
      return { mutant: mutantNamed(name), from: wholeNumber({ only: from }, 'only', 1, 1e9) }
    })
  } catch (error) {
    return fail(error.message)
  }
}
const mutants = chosen()

const stopping = stopped()
// As many as there are jobs.
setMaxListeners(0, stopping.signal)

const verdictOn = async (copy, { mutant, from }) => {
  const { caught } = await copy.sweep(mutant, { from, seeds, signal: stopping.signal })
  const verdict =
    caught === undefined
      ? `MISSED by ${seeds} seeds: ${mutant.rule}`
      : `${caught.invariant.padEnd(6)} within ${caught.seed - from + 1} seeds`
  return { caught: caught !== undefined, line: `${mutant.name.padEnd(34)} ${verdict}` }
}

try {
  const verdicts = []
  let begun = 0
  let told = 0
  const work = async () => {
    const copy = new MutantCopy()
    try {
      while (begun < mutants.length && !stopping.signal.aborted) {
        const index = begun++
        verdicts[index] = await verdictOn(copy, mutants[index])
        // In the order of the list, whoever is first.
        for (; verdicts[told] !== undefined; told++) console.log(verdicts[told].line)
      }
    } finally {
      copy.remove()
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
