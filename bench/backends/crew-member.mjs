// Members of one group over one connection, as a process with many parts would have them. Says when all of them have their part of a settled
// group of so many.
import { connect } from '../../dist/index.js'
import { backendOf } from '../support/backend.mjs'

const [spec, group, prefix, count, share] = process.argv.slice(2)
const kind = JSON.parse(share)
const caucus = await connect(await backendOf(spec))
const last = new Map()
let expected = 0

const has = ({ state, members, slot, partitions }) => {
  if (state !== 'settled' || members !== expected) return false
  if (kind === 'index') return slot?.total === expected
  return Math.abs(partitions.length - kind.partitions / expected) < 1
}

const look = () => {
  if (expected === 0 || last.size < Number(count) || ![...last.values()].every(has)) return
  process.send({ members: expected, atMs: Number(process.hrtime.bigint()) / 1e6 })
  expected = 0
}

const follow = async (id) => {
  const membership = await caucus.group(group).join({ id, share: kind })
  for await (const told of membership.watch()) {
    last.set(id, told)
    look()
  }
}

process.on('disconnect', () => process.exit())
process.on('message', (members) => {
  expected = members
  look()
})
process.send({ ready: true })
for (let i = 0; i < Number(count); i++) void follow(`${prefix}-${i}`)
