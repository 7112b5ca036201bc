import { openOn } from '../../../src/backends/etcd/backend.ts'
import { type EtcdOptions, soundEtcd } from '../../../src/backends/etcd/options.ts'
import { type Caucus, connect } from '../../../src/client/connect.ts'
import { seededRandom } from '../../../src/core/random.ts'
import { SimulatedEtcd } from '../../../src/testing/etcd/engine.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'

/** Several processes on one simulated clock, with a simulated etcd that is always right. */
export const etcdWorld = () => {
  const clock = new SimulatedClock(1_000)
  const etcd = new SimulatedEtcd({ clock, random: seededRandom(7) })
  let ids = 0
  const factory = (name: string, options: Partial<EtcdOptions> = {}) => {
    const sound = soundEtcd({
      urls: 'etcd:2379',
      fresh: true,
      ...options,
      clocks: clock,
      newId: () => `${name}-${++ids}`,
    })
    const random = seededRandom(ids + name.length)
    return ({ signal }: { signal?: AbortSignal | undefined }) =>
      openOn(
        sound,
        {
          engine: etcd.engine(name),
          random: () => random.next(),
          wallMs: () => 1_750_000_000_000 + clock.now(),
          process: name,
        },
        signal,
      )
  }
  /** Lets time go by until it is there. */
  const soon = async <T>(promise: Promise<T>, withinMs = 60_000): Promise<T> => {
    let done = false
    const settled = promise.finally(() => {
      done = true
    })
    settled.catch(() => undefined)
    for (let passed = 0; !done && passed < withinMs; passed += 20) await clock.play(20)
    if (!done) throw new Error(`nothing came of it within ${withinMs} ms`)
    return settled
  }
  const open = (name: string, options?: Partial<EtcdOptions>): Promise<Caucus> => soon(connect(factory(name, options)))
  const keys = () => etcd.store.list('caucus/').map(({ key }) => key)
  /** As kill -9 does: what it holds in etcd runs out. */
  const kill = (name: string) => {
    for (const engine of etcd.engines) {
      if (engine.name !== name) continue
      engine.cutOff()
    }
  }
  return { clock, etcd, factory, soon, open, keys, kill }
}
