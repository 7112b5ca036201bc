import type { Engine } from '../../../src/backends/etcd/engine.ts'
import { SimulatedEtcd } from '../../../src/testing/etcd/engine.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'
import { engineContract } from './etcd-engine-contract.ts'

engineContract('simulated', async () => {
  const clock = new SimulatedClock()
  const etcd = new SimulatedEtcd({ clock })
  const engines: Engine[] = []
  return {
    prefix: 'contract/',
    open: () => {
      const engine = etcd.engine(`client ${engines.length}`)
      engines.push(engine)
      return engine
    },
    answer: async (asked) => {
      let settled = false
      const end = () => {
        settled = true
      }
      asked.then(end, end)
      while (!settled) await clock.play(1)
      return asked
    },
    until: async (what, holds) => {
      for (let ms = 0; !holds(); ms += 10) {
        if (ms > 60_000) throw new Error(`waited in vain for ${what}`)
        await clock.play(10)
      }
    },
    compact: async (revision) => etcd.store.compact(revision),
    close: async () => void (await Promise.all(engines.map((engine) => engine.close()))),
  }
})
