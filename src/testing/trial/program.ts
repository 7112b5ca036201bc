// The program that a trial puts under `caucus work`: for as long as it runs it works on its share, and writes that down. It has no check
// but its life: whoever started it has to end it in time. Usage: node program.js WHO LOG
import { ClaimLog } from './claim-log.ts'
import { JOBS, thing } from './things.ts'

const [who = '', file = ''] = process.argv.slice(2)
const epoch = Number(process.env.CAUCUS_EPOCH)
const partitions = (process.env.CAUCUS_PARTITIONS ?? '').split(',').flatMap((range) => {
  const [from = Number.NaN, to = from] = range.split('-').map(Number)
  return Array.from({ length: to - from + 1 }, (_, place) => from + place)
})
const log = new ClaimLog(`${who}/${process.pid}`, file, { writeEveryMs: 25 })
const beliefs = partitions.map((partition) => ({ what: thing(JOBS.group, partition), epoch }))
const beat = () => log.look(() => beliefs)
beat()
setInterval(beat, 5)
