import type { Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { OpenSocket } from '../../ports/socket.ts'
import type { EventLoop } from '../cluster/event-loop.ts'
import type { MembersNetwork, Route, Ways } from '../cluster/network.ts'
import type { Timeline } from '../cluster/timeline.ts'
import type { SimulatedEngine, SimulatedEtcd } from './engine.ts'
import type { Path } from './path.ts'

/** The ways between the machines of members and etcd. There is none between members. */
export class EtcdNetwork implements MembersNetwork {
  readonly urls = ['http://etcd:2379']
  readonly etcd: SimulatedEtcd
  readonly #paths = new Map<string, Path>()
  readonly #engines = new Map<SimulatedEngine, { readonly member: string; readonly loop: EventLoop }>()
  readonly #off = new Set<string>()
  readonly #jitterMs: Millis

  /** `jitterMs`: how much longer than usual a packet takes, at most. */
  constructor(etcd: SimulatedEtcd, jitterMs: Millis) {
    this.etcd = etcd
    this.#jitterMs = jitterMs
  }

  path(member: string): Path {
    const known = this.#paths.get(member)
    if (known !== undefined) return known
    const path = this.etcd.path(member)
    path.faults.jitterMs = this.#jitterMs
    this.#paths.set(member, path)
    return path
  }

  /** What a process on this member's machine has of etcd. */
  openEngine(member: string, loop: EventLoop): SimulatedEngine {
    const process = { clock: loop.grantor, deliver: (read: () => void) => loop.deliver(read) }
    const engine = this.etcd.engine(member, process, this.path(member))
    this.#engines.set(engine, { member, loop })
    return engine
  }

  route(member: string): Route {
    const path = this.path(member)
    const off = this.#off
    const usualMs = path.faults.delayMs
    const way = (name: 'requests' | 'answers'): Ways => ({
      block: () => path.block(name),
      get extraDelayMs() {
        return path.faults.delayMs - usualMs
      },
      set extraDelayMs(ms) {
        path.faults.delayMs = usualMs + ms
      },
    })
    return {
      member,
      up: way('requests'),
      down: way('answers'),
      get on() {
        return !off.has(member)
      },
      set on(on) {
        if (on) off.delete(member)
        else off.add(member)
      },
    }
  }

  wayTo(): never {
    throw none()
  }

  opener(): OpenSocket {
    throw none()
  }

  /** Connections to etcd that were not closed. */
  socketsOf(loop: EventLoop): number {
    let count = 0
    for (const [engine, of] of this.#engines) if (of.loop === loop && engine.isOpen) count++
    return count
  }

  unsentBytesOf(): number {
    return 0
  }

  processGone(loop: EventLoop): void {
    for (const [engine, of] of [...this.#engines]) {
      if (of.loop !== loop) continue
      engine.die()
      this.#engines.delete(engine)
    }
  }

  forget(member: string): void {
    for (const [engine, of] of this.#engines) if (of.member === member && engine.isOpen) engine.disconnect()
  }
}

const none = () => new CaucusError('CAUCUS_CONFLICT', 'members on etcd talk to etcd alone')

/** Real time as etcd goes by it. */
export const clockOf = (timeline: Timeline): Pick<Clock, 'now' | 'setTimer'> => ({
  now: () => timeline.nowMs,
  setTimer: (at, fire) => {
    let waits = true
    timeline.at(at, () => {
      if (waits) fire()
    })
    return {
      clear: () => {
        waits = false
      },
    }
  },
})
