// Preloaded into a server (NODE_OPTIONS=--import): on SIGUSR2 it says on standard error how much is alive in it after a garbage collection.
// Resident memory would not do: what was freed is given back to the system late or never.
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc')

process.on('SIGUSR2', async () => {
  // What a finalizer lets go of is collected by the next round.
  for (let round = 0; round < 3; round++) {
    gc()
    await turn()
  }
  const { heapUsed, external } = process.memoryUsage()
  process.stderr.write(`alive-bytes ${heapUsed + external}\n`)
})
