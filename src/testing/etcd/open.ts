import { openOn } from '../../backends/etcd/backend.ts'
import { soundEtcd } from '../../backends/etcd/options.ts'
import type { Timing } from '../../config/timing.ts'
import type { Millis } from '../../core/time.ts'
import type { Backend } from '../../ports/backend.ts'
import type { ProcessParts } from '../cluster/member-process.ts'
import type { SimulatedEngine } from './engine.ts'

export interface EtcdParts extends ProcessParts {
  readonly engine: SimulatedEngine
  readonly url: string
  readonly prefix: string
  readonly timing: Timing
  readonly requestMs: Millis
  wallMs(): number
}

/** The product's own backend on what one process has of a simulated etcd. */
export const openOnEtcd = (parts: EtcdParts): Promise<Backend> => {
  const { engine, url, prefix, timing, requestMs, loop, who, newId, random, wallMs, signal } = parts
  const sound = soundEtcd({ urls: url, prefix, timing, requestMs, clocks: loop, newId, connectTimeoutMs: 2 ** 31 - 1 })
  return openOn(sound, { engine, random, wallMs, process: `${who}/${newId()}` }, signal)
}
