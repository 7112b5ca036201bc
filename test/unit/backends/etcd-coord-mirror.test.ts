import { expect, it } from 'vitest'
import { Keys, type Seat } from '../../../src/backends/etcd/keys.ts'
import { SessionsMirror } from '../../../src/backends/etcd/sessions-mirror.ts'
import type { MemberMessage } from '../../../src/core/group/messages.ts'
import { SimulatedEtcd } from '../../../src/testing/etcd/engine.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'

const SEAT: Seat = { group: 'g', member: 'm', bootId: 'b' }

/** A mirror, and a coordinator that takes nothing while it is overloaded. */
const world = () => {
  const clock = new SimulatedClock(1_000)
  const etcd = new SimulatedEtcd({ clock })
  const keys = new Keys('c/')
  const coordinator = { isOverloaded: false, heard: [] as string[] }
  const take = (...what: string[]): boolean => {
    if (coordinator.isOverloaded) return false
    coordinator.heard.push(...what)
    return true
  }
  const mirror = new SessionsMirror({
    engine: etcd.engine('process'),
    keys,
    clock,
    random: () => 0.5,
    link: {
      receive: (messages: readonly MemberMessage[]) => take(...messages.map(({ sequence }) => `says ${sequence}`)),
      gone: ({ member }) => take(`${member} is gone`),
      close: () => undefined,
    },
    generation: 7,
    room: () => 100,
    complete: () => undefined,
    gone: () => undefined,
    onFault: (error) => {
      throw error
    },
  })
  const says = (sequence: number) => {
    const message = { type: 'renew', ...SEAT, sequence, order: 0, holding: [], draining: [], acknowledged: [] }
    const value = JSON.stringify({ generation: 7, message })
    return etcd.store.transact({ then: [{ type: 'put', key: keys.session(SEAT), value }] }).revision
  }
  const goes = () => etcd.store.transact({ then: [{ type: 'delete', key: keys.session(SEAT) }] })
  return { clock, mirror, coordinator, says, goes }
}

it('an overloaded coordinator is told again that a session is gone, before it hears of the one that came after it', async () => {
  const { clock, mirror, coordinator, says, goes } = world()
  says(1)
  await clock.play(100)
  coordinator.isOverloaded = true
  goes()
  await clock.play(100)
  says(2)
  await clock.play(1_000)
  expect(coordinator.heard).toEqual(['says 1'])
  coordinator.isOverloaded = false
  await clock.play(100)
  expect(coordinator.heard).toEqual(['says 1', 'm is gone', 'says 2'])
  await mirror.close()
})

it('what an overloaded coordinator did not take is told again, and does not count as heard', async () => {
  const { clock, mirror, coordinator, says } = world()
  const first = says(1)
  await clock.play(100)
  coordinator.isOverloaded = true
  const second = says(2)
  await clock.play(1_000)
  expect(mirror.addressee(SEAT)).toEqual({ session: first, heard: first })
  coordinator.isOverloaded = false
  await clock.play(100)
  expect(mirror.addressee(SEAT)).toEqual({ session: first, heard: second })
  expect(coordinator.heard).toEqual(['says 1', 'says 2'])
  await mirror.close()
  expect(clock.alive).toBe(false)
})
