// One of several processes of a machine that find each other by local(): a member of the group `g` and a candidate of the election `e`.
// Usage: fork local-worker.mjs ORDER, or the same as a worker of a cluster, where ORDER is { id, log, local, port? } in JSON.
// It writes what it believes into an interval log, says it to its parent, and ends with it.
import { createServer } from 'node:http'
import { connect, local } from 'caucus'
import { ClaimLog } from '../../../dist/testing/trial/claim-log.js'

const order = JSON.parse(process.argv[2])
const id = order.id ?? `${order.name}-${process.pid}`
const tell = (said) => process.connected && process.send({ id, pid: process.pid, ...said })
process.once('disconnect', () => process.exit(0))

const caucus = await connect(local({ connectTimeoutMs: 60_000, ...order.local }))
const membership = await caucus.group('g').join({ id, share: { partitions: 12 } })
const election = caucus.election('e')
const over = new AbortController()
let tenure
const leading = election
  .lead(
    (each) => {
      tenure = each
      return new Promise((resolve) => each.signal.addEventListener('abort', resolve, { once: true }))
    },
    { signal: over.signal },
  )
  .catch((error) => {
    if (!over.signal.aborted) throw error
  })

const beliefs = () => {
  const held = membership.partitions.flatMap((partition) => {
    const epoch = membership.epoch(partition)
    return epoch === undefined ? [] : [{ what: `g/${partition}`, epoch }]
  })
  return tenure?.held ? [...held, { what: 'e', epoch: tenure.token }] : held
}
const log = new ClaimLog(id, order.log.replace('ID', id))
const looking = setInterval(() => log.look(beliefs), 2)
const telling = setInterval(() => tell({ type: 'beliefs', beliefs: beliefs(), state: membership.state }), 20)

// As an application of several workers has one: on one port, which Node's cluster shares out among them.
const server = createServer((_request, response) => response.end(id))
if (order.port !== undefined) await new Promise((resolve) => server.listen(order.port, '127.0.0.1', resolve))
const port = server.address()?.port

const close = async () => {
  over.abort()
  await leading
  await caucus.close()
  clearInterval(looking)
  clearInterval(telling)
  log.flush()
  server.close()
  tell({ type: 'closed' })
  process.exit(0)
}
process.once('SIGTERM', close)
process.once('SIGINT', close)
process.on('message', ({ spinMs }) => {
  // What a worker does with a hard question: nothing else of it runs meanwhile, and it goes on acting on what it may.
  for (const until = performance.now() + spinMs; performance.now() < until; ) log.look(beliefs)
  log.flush()
})
tell({ type: 'ready', port })
