// Started by mutation.ts in a copy of the built code: takes the options of a sweep as JSON, and prints the sweep as JSON.
import { type SweepOptions, sweep } from './sweep.ts'

const options: SweepOptions = JSON.parse(process.argv[2] ?? '{}')
process.stdout.write(JSON.stringify(sweep(options)))
