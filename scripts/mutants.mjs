// Runs the simulator on every mutant: a copy of the built code with one rule broken. Each must be noticed.
// Usage: npm run mutants -- [--only NAME[,NAME]] [--seeds N]
import { parseArgs } from 'node:util'
import { MUTANTS } from '../dist/testing/mutants.js'
import { mutantNamed, sweepMutant } from '../dist/testing/mutation.js'

const { values } = parseArgs({ options: { only: { type: 'string' }, seeds: { type: 'string', default: '3000' } } })
const limit = Number(values.seeds)
if (!Number.isSafeInteger(limit) || limit < 1) {
  console.error(`--seeds takes a whole number from 1, not "${values.seeds}"`)
  process.exit(2)
}

try {
  const mutants = values.only === undefined ? MUTANTS : values.only.split(',').map(mutantNamed)
  let caught = 0
  for (const mutant of mutants) {
    const { violations } = sweepMutant(mutant, { from: 1, seeds: limit, twiceEvery: 0 })
    const violation = violations.find(({ invariant }) => mutant.breaks.includes(invariant))
    if (violation !== undefined) caught++
    const verdict =
      violation === undefined
        ? `MISSED by ${limit} seeds: ${mutant.rule}`
        : `${violation.invariant.padEnd(6)} within ${violation.seed} seeds`
    console.log(`${mutant.name.padEnd(34)} ${verdict}`)
  }
  console.log(`${caught} of ${mutants.length} caught`)
  process.exitCode = caught === mutants.length ? 0 : 1
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
