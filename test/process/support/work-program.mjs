// A program under `caucus work` or `caucus elect`: for as long as it lives it writes down, every few milliseconds, with which share it works.
// Arguments: LOG, then any of `deaf` (ignores SIGTERM), `family` (has a child in its process group that ignores SIGTERM and
// outlives it), `exit=CODE` (ends by itself after a moment).
import { spawn } from 'node:child_process'
import { appendFileSync } from 'node:fs'

const [log, ...traits] = process.argv.slice(2)
const { CAUCUS_INDEX, CAUCUS_TOTAL, CAUCUS_EPOCH, CAUCUS_PARTITIONS, CAUCUS_TOKEN, WORKER } = process.env

const beat = () => {
  const line = {
    who: WORKER,
    pid: process.pid,
    index: CAUCUS_INDEX,
    total: CAUCUS_TOTAL,
    epoch: CAUCUS_EPOCH ?? CAUCUS_TOKEN,
    partitions: CAUCUS_PARTITIONS,
    atNs: Number(process.hrtime.bigint()),
  }
  appendFileSync(log, `${JSON.stringify(line)}\n`)
}

if (traits.includes('deaf')) process.on('SIGTERM', () => undefined)
if (traits.includes('family')) spawn(process.execPath, [process.argv[1], log, 'deaf'], { stdio: 'ignore' })
beat()
setInterval(beat, 5)
const exit = traits.find((trait) => trait.startsWith('exit='))
if (exit !== undefined) setTimeout(() => process.exit(Number(exit.slice('exit='.length))), 50)
