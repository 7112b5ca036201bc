import { expect, it } from 'vitest'
import type { Engine } from '../../../src/backends/etcd/engine.ts'
import { PrefixWatch } from '../../../src/backends/etcd/prefix-watch.ts'
import { CaucusError } from '../../../src/errors.ts'
import { SimulatedEtcd } from '../../../src/testing/etcd/engine.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'

it('that cannot be read is told once, and so is that it can be read again', async () => {
  const clock = new SimulatedClock(1_000)
  const engine = new SimulatedEtcd({ clock }).engine('process')
  const told: string[] = []
  let isThere = false
  const list: Engine['list'] = (prefix) =>
    isThere ? engine.list(prefix) : Promise.reject(new CaucusError('CAUCUS_UNAVAILABLE', 'nobody there'))
  const watch = new PrefixWatch({
    engine: { list, watch: (...args) => engine.watch(...args) },
    prefix: 'c/',
    clock,
    random: () => 0.5,
    listed: () => void told.push('listed'),
    changed: () => undefined,
    failed: ({ message }) => void told.push(message),
    recovered: () => void told.push('recovered'),
    onFault: (error) => {
      throw error
    },
  })
  await clock.play(10_000)
  expect(told).toEqual(['nobody there'])
  isThere = true
  await clock.play(2_000)
  expect(told).toEqual(['nobody there', 'recovered', 'listed'])
  await watch.close()
})
