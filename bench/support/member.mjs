// One member process: reports every slot that it gets, with the machine's monotonic clock.
import { connect, remote, timing } from '../../dist/index.js'

const [url, group] = process.argv.slice(2)
const caucus = await connect(remote([url], { timing: timing.local }))
const membership = await caucus.group(group).join()
process.on('message', () => membership.leave())
process.on('disconnect', () => process.exit())
for await (const share of membership.watch()) {
  if (share.slot !== undefined) process.send({ total: share.slot.total, atNs: String(process.hrtime.bigint()) })
}
