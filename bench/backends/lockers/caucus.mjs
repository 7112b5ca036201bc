// Takes locks that nobody has and gives them back, so many at a time.
import { etcd } from '../../../dist/etcd.js'
import { connect, timing } from '../../../dist/index.js'
import { rateOf } from '../rate.mjs'

const [url, inFlight, durationMs] = process.argv.slice(2)
const caucus = await connect(etcd({ urls: [url], prefix: 'locks/', timing: { ...timing.lan }, fresh: true }))

await rateOf(Number(inFlight), Number(durationMs), async (name) => {
  const tenure = await caucus.election(`lock-${name}`).campaign()
  await tenure.resign()
})
await caucus.close()
