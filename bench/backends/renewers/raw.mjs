// The same with nothing of ours: a lease each, a keep-alive and one transaction of as many reads, the next as soon as they are answered.
import { Etcd3 } from 'etcd3'
import { READS } from '../haste.mjs'

const [url, count] = process.argv.slice(2)

const renew = async (i) => {
  const client = new Etcd3({ hosts: url })
  const { ID } = await client.leaseClient.leaseGrant({ TTL: 10 })
  const keys = Array.from({ length: READS }, (_, n) => Buffer.from(`raw/${i}/${n}`))
  for (const key of keys) await client.kv.put({ key, value: Buffer.alloc(200), lease: ID })
  const stream = await client.leaseClient.leaseKeepAlive()
  let answered = () => {}
  stream.on('data', () => answered())
  const success = keys.map((key) => ({ request_range: { key } }))
  process.send({ one: true })
  for (;;) {
    const alive = new Promise((resolve) => {
      answered = resolve
    })
    stream.write({ ID })
    await Promise.all([client.kv.txn({ success }), alive])
  }
}

for (let i = 0; i < Number(count); i++) renew(i)
process.on('disconnect', () => process.exit())
