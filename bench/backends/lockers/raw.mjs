// The same with nothing of ours, and nobody who decides or remembers anything: a key that is created if it is not there, and deleted.
import { Etcd3 } from 'etcd3'
import { rateOf } from '../rate.mjs'

const [url, inFlight, durationMs] = process.argv.slice(2)
const client = new Etcd3({ hosts: url })
const { ID } = await client.leaseClient.leaseGrant({ TTL: 60 })
const value = Buffer.from('mine')

await rateOf(Number(inFlight), Number(durationMs), async (name) => {
  const key = Buffer.from(`raw/lock-${name}`)
  const compare = [{ key, target: 'Create', result: 'Equal', create_revision: 0 }]
  const { succeeded } = await client.kv.txn({ compare, success: [{ request_put: { key, value, lease: ID } }] })
  if (!succeeded) throw new Error('somebody else has a lock of ours')
  await client.kv.deleteRange({ key })
})
client.close()
