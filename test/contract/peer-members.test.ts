import { connect } from 'caucus'
import { expect, onTestFinished, test } from 'vitest'
import { openPeers } from './subjects/peers.ts'

test('whoever runs in the process of a peer is a member by it, wherever the leader is, and stays one when that changes', async () => {
  const { running, backend, close } = await openPeers({ durable: false })
  onTestFinished(close)
  const members = await Promise.all(
    running.map(async (cluster) => {
      const caucus = await connect(cluster)
      onTestFinished(() => caucus.close())
      return caucus.group('g').join({ id: cluster.identifier, share: { partitions: 6 } })
    }),
  )
  const held = () => members.map((member) => member.partitions.map((each) => `${each} at ${member.epoch(each)}`))
  await expect.poll(() => held().map(({ length }) => length), { timeout: 20_000 }).toEqual([2, 2, 2])
  const before = held()
  const leader = running.find(({ isLeader }) => isLeader)
  const next = await leader?.transfer()
  expect(next?.identifier).not.toBe(leader?.identifier)
  const asker = await connect(backend)
  onTestFinished(() => asker.close())
  const view = async () => {
    const { state, members } = (await asker.group('g').view()) ?? {}
    return [state, members?.length]
  }
  await expect.poll(view, { timeout: 20_000 }).toEqual(['settled', 3])
  expect(held()).toEqual(before)
})
