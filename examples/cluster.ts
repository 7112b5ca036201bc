import cluster from 'node:cluster'
import { connect, local } from 'caucus'

// The workers of one machine: each has its own part of the keys, and one of them runs the schedule. Nothing else is started or configured.
// `node cluster.js`, or `pm2 start cluster.js -i 4`: PM2 forks by itself, and then nobody here is the primary.

const WORKERS = Number(process.env.WORKERS ?? 4)
const PARTITIONS = 64

const work = async (): Promise<void> => {
  const caucus = await connect(local({ name: 'shop' }))
  const membership = await caucus.group('orders').join({ share: { partitions: PARTITIONS } })
  const over = new AbortController()

  /** Leaves in good order, so that nobody has to wait for a lease. */
  const leave = async () => {
    over.abort()
    await Promise.all([schedule, shares])
    await caucus.close()
    process.exit(0)
  }
  process.once('SIGTERM', leave) // the system's, and a primary's
  process.once('SIGINT', leave) // PM2's

  const runSchedule = async ({ token, signal }: { readonly token: number; readonly signal: AbortSignal }) => {
    console.log(`worker ${process.pid} runs the schedule, with token ${token}`)
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  }
  const untilOver = (error: unknown) => {
    if (!over.signal.aborted) throw error
  }
  const schedule = caucus.election('schedule').lead(runSchedule, { signal: over.signal }).catch(untilOver)

  const watchShares = async () => {
    for await (const { state } of membership.watch({ signal: over.signal })) {
      // Asked of the membership, which looks at the clock, and not of the picture.
      if (state === 'settled') console.log(`worker ${process.pid} has ${membership.partitions.length} of ${PARTITIONS}`)
    }
  }
  const shares = watchShares().catch(untilOver)
}

if (cluster.isPrimary) {
  for (let worker = 0; worker < WORKERS; worker++) cluster.fork()
  // One that ended for any reason but an order gets a successor.
  cluster.on('exit', (worker) => {
    if (!worker.exitedAfterDisconnect) cluster.fork()
  })
} else {
  await work()
}
