// Members of one group, a connection each, that renew as often as they are let: the next one as soon as the one before it is answered.
import { etcd } from '../../../dist/etcd.js'
import { connect } from '../../../dist/index.js'
import { HASTE } from '../haste.mjs'

const [url, count] = process.argv.slice(2)

for (let i = 0; i < Number(count); i++) {
  const caucus = await connect(etcd({ urls: [url], prefix: 'renewals/', timing: HASTE, fresh: true }))
  await caucus.group('renewals').join({ id: `member-${i}`, share: { partitions: 1_024 } })
}
process.on('disconnect', () => process.exit())
process.send({ ready: true })
