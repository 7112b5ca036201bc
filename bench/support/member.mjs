// One member process: joins when it is told to, reports every slot that it gets with the machine's monotonic clock, leaves when it is told to.
import { connect } from '../../dist/index.js'
import { backendOf } from './backend.mjs'

const [spec, group, id] = process.argv.slice(2)
const caucus = await connect(await backendOf(spec))
let membership

const join = async () => {
  membership = await caucus.group(group).join({ id })
  for await (const share of membership.watch()) {
    if (share.slot !== undefined) process.send({ total: share.slot.total, atNs: String(process.hrtime.bigint()) })
  }
}

process.on('message', (order) => (order === 'join' ? join() : membership.leave()))
process.on('disconnect', () => process.exit())
process.send({ ready: true })
