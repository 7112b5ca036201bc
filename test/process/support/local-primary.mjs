// The primary of a cluster of workers, as `node:cluster` has it; no member itself. Usage: fork local-primary.mjs ORDER, with { workers } and what
// its workers are told. It passes on what they say, and reloads them one after the other: the new one is ready before the old one is asked to end.
import cluster from 'node:cluster'
import { fileURLToPath } from 'node:url'

const { workers, ...order } = JSON.parse(process.argv[2])
cluster.setupPrimary({
  exec: fileURLToPath(new URL('local-worker.mjs', import.meta.url)),
  args: [JSON.stringify(order)],
})
process.once('disconnect', () => process.exit(0))

const start = () =>
  new Promise((resolve) => {
    const worker = cluster.fork()
    worker.on('message', (said) => {
      if (process.connected) process.send(said)
      if (said.type === 'ready') resolve(worker)
    })
  })
const ended = (worker) => new Promise((resolve) => worker.once('exit', resolve))

let running = await Promise.all(Array.from({ length: workers }, start))
process.on('message', async ({ reload }) => {
  if (reload !== true) return
  for (const old of running) {
    running = [...running.filter((each) => each !== old), await start()]
    const gone = ended(old)
    old.process.kill('SIGTERM')
    await gone
  }
  process.send({ type: 'reloaded', ids: running.map(({ process: { pid } }) => pid) })
})
process.send({ type: 'started' })
