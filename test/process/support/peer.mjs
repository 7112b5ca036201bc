// One voter, as a program of somebody's would run it. It claims leadership in an interval log for as long as its check says so, and says
// what happens: one line of JSON each. SIGUSR2 hands leadership over, SIGTERM ends it.
// Usage: node peer.mjs ORDER, where ORDER is { options, log } in JSON.
import { peer } from 'caucus'
import { ClaimLog } from '../../../dist/testing/trial/claim-log.js'

const { options, log } = JSON.parse(process.argv[2])
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)
const LOOK_EVERY_MS = 2
const STOOD_STILL_MS = 500

const claims = new ClaimLog(`${options.identifier}#${process.pid}`, log, { writeEveryMs: 20 })
let cluster
try {
  cluster = await peer({ ...options, onFault: (error) => say({ type: 'fault', message: error.message }) })
} catch (error) {
  say({ type: 'failed', code: error.code, message: error.message })
  process.exit(1)
}
say({ type: 'listening', url: cluster.url, guarantees: cluster.guarantees })

const tell = async () => {
  for await (const event of cluster.events()) {
    const { type, peer: about, by, because, error } = event
    say({ type: 'event', event: type, peer: about ?? by, because, reason: error?.message })
  }
}
void tell()

let lookedAt = performance.now()
const look = () => {
  // Before anything else is done: after a standstill this timer is overdue, and no packet has been read yet.
  const { isLeader } = cluster
  const stillMs = performance.now() - lookedAt
  if (stillMs > STOOD_STILL_MS) say({ type: 'woke', stillMs, isLeader, leader: cluster.leader?.identifier ?? null })
  claims.look(() => {
    const { token } = cluster
    return token === undefined ? [] : [{ what: 'leadership', epoch: token }]
  })
  lookedAt = performance.now()
}
const looking = setInterval(look, LOOK_EVERY_MS)

process.on('SIGUSR2', async () => {
  const done = await cluster.transfer().then(
    ({ identifier }) => ({ identifier }),
    ({ code }) => ({ code }),
  )
  say({ type: 'transferred', ...done })
})
process.on('SIGTERM', async () => {
  await cluster.close()
  clearInterval(looking)
  claims.look(() => [])
  claims.flush()
  say({ type: 'closed' })
  process.exit(0)
})
