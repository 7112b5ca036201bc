import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { agreed, type PeerProcess, PeerWorld, saying } from './support/peers.ts'
import { endAll } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

let world: PeerWorld
beforeEach(async () => {
  world = await PeerWorld.of('a', 'b', 'c')
})
afterEach(async () => {
  await endAll()
  world.remove()
})

const split = (peers: readonly PeerProcess[], identifier: string) => {
  const leader = peers.find(({ id }) => id === identifier) ?? expect.fail(`${identifier} is none of them`)
  return { leader, others: peers.filter((peer) => peer !== leader) }
}

/** Leaderships long enough that every heartbeat has named its tether. */
const settled = async (peers: readonly PeerProcess[], after = 0) => {
  const first = await agreed(peers, after)
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  const second = await agreed(peers)
  return second.token === first.token ? first : second
}

describe('peers that are tied to each other', () => {
  test('know that the process of their leader has ended, and elect another one; nobody else ever leads', async () => {
    const peers = world.startAll({ links: 'direct' })
    const first = await settled(peers)
    const { leader, others } = split(peers, first.identifier)
    await leader.stop('SIGKILL')
    for (const other of others) await saying(other, { type: 'event', event: 'leader.lost', because: 'ended' })
    const second = await agreed(others, first.token)
    const again = [...others, world.start(first.identifier, { links: 'direct' })]
    await agreed(again, second.token - 1)
    await Promise.all(again.map((peer) => peer.stop()))
    expect(world.faults()).toEqual([])
  })

  test('do not take a leader that stands still for one that has ended', async () => {
    const peers = world.startAll({ links: 'direct' })
    const first = await settled(peers)
    const { leader, others } = split(peers, first.identifier)
    leader.signal('SIGSTOP')
    await agreed(others, first.token)
    leader.signal('SIGCONT')
    await agreed(peers, first.token)
    for (const other of others) expect(other.said()).not.toContainEqual(expect.objectContaining({ because: 'ended' }))
    await Promise.all(peers.map((peer) => peer.stop()))
    expect(world.faults()).toEqual([])
  })

  test('are told by a leader that stops in good order, once it has let go', async () => {
    const peers = world.startAll({ links: 'direct' })
    const first = await settled(peers)
    const { leader, others } = split(peers, first.identifier)
    await leader.stop()
    await agreed(others, first.token)
    await waitFor('the one that stopped to be gone', async () => leader.ended() !== undefined)
    await Promise.all(others.map((peer) => peer.stop()))
    expect(world.faults()).toEqual([])
  })
})
