// A server that asks its links every 300 ms whether they are there, so that a test need not wait half a minute until it cuts a dead one.
// Arguments: host, token.
import { addressInstanceId, hostCoordinator, listen, memoryStore, systemClocks } from 'caucus/server'

const [host, token] = process.argv.slice(2)
const fail = (error) => {
  console.error(error)
  process.exit(1)
}
const hosting = await hostCoordinator({
  clock: systemClocks.grantor,
  wallMs: () => Date.now(),
  store: memoryStore({ instanceId: addressInstanceId(host, 0) }),
  defaults: { leaseMs: 1_000, settleMs: 100, settleCapMs: 1_000, drainLimitMs: 1_000 },
  fresh: true,
  limits: { groups: 10, membersPerGroup: 10 },
  onFault: fail,
})
const { url } = await listen({ hosting, host, port: 0, token, limits: { pingMs: 300 } })
console.log(`listening on ${url}`)
