import type { Random } from '../../core/random.ts'
import type { Millis } from '../../core/time.ts'
import type { Backend } from '../../ports/backend.ts'
import { type Bench, faultText, newLoop, newMachine } from '../cluster/bench.ts'
import type { EventLoop } from '../cluster/event-loop.ts'
import type { SimulatedMember } from '../cluster/member.ts'
import type { ProcessParts } from '../cluster/member-process.ts'
import type { MachineClock } from '../simulation/machine-clock.ts'

/** A machine whose process may coordinate. */
export interface Machine {
  readonly id: string
  readonly alive: boolean
  /** Whether it is in no group that is judged. */
  readonly isHost: boolean
  start(): void
  crash(options: { readonly silent: boolean }): void
  leave(): Promise<void>
  pause(ms?: Millis): void
  suspend(ms?: Millis): void
}

export const machineOf = (member: SimulatedMember): Machine => ({
  id: member.id,
  isHost: false,
  get alive() {
    return member.alive
  },
  start: () => member.start(),
  crash: (options) => member.crash(options),
  leave: () => member.leave(),
  pause: (ms) => member.pause(ms),
  suspend: (ms) => member.suspend(ms),
})

export interface HostOptions {
  readonly bench: Bench
  readonly id: string
  /** The group that it joins; without one it only looks on. */
  readonly group?: string
  open(parts: ProcessParts): Promise<Backend>
}

/** A machine whose process has a connection and no program: it may coordinate, or look on. */
export class EtcdHost implements Machine {
  readonly id: string
  readonly isHost = true
  readonly #options: HostOptions
  readonly #random: Random
  readonly #machine: MachineClock
  #loop: EventLoop | undefined
  #backend: Backend | undefined
  #stopped: Promise<void> | undefined
  #starts = 0

  constructor(options: HostOptions) {
    this.#options = options
    this.id = options.id
    this.#random = options.bench.random.fork(`host ${options.id}`)
    this.#machine = newMachine(this.#random, options.bench.conditions.drift)
  }

  get alive(): boolean {
    return this.#loop !== undefined && this.#loop.state !== 'over'
  }

  /** Where something is asked of it. Only while it is alive. */
  get loop(): EventLoop | undefined {
    return this.#loop
  }

  get backend(): Backend | undefined {
    return this.#backend
  }

  start(): void {
    if (this.alive) return
    this.#stopped = undefined
    const { bench, id } = this.#options
    const random = this.#random.fork(`process ${++this.#starts}`)
    const loop = newLoop(bench, id, this.#machine, random.fork('late'))
    this.#loop = loop
    this.#note('starts', 'up')
    loop.run(() => void this.#begin(loop, random))
  }

  async #begin(loop: EventLoop, random: Random): Promise<void> {
    const { bench, id, group, open } = this.#options
    const chance = random.fork('chance')
    let ids = 0
    const newId = () => `${id}-${this.#starts}-${++ids}-${chance.below(1e9)}`
    try {
      const { signal } = new AbortController()
      const backend = await open({ who: id, id, loop, signal, random: () => chance.next(), newId })
      this.#backend = backend
      if (group === undefined) return
      const request = { group, member: id, bootId: newId(), share: 'index' as const, ...backend.timing }
      const none = () => undefined
      backend.join(request, { changed: none, granted: none, drain: none, lost: none, refused: none, ended: none })
    } catch (error) {
      if (this.#loop === loop && loop.state === 'runs')
        bench.findings.add('Program', id, `${id} could not start: ${faultText(error)}`)
    }
  }

  crash(): void {
    const loop = this.#loop
    if (loop === undefined || loop.state === 'over') return
    const { network, timeline } = this.#options.bench
    this.#note('crashes', 'down')
    this.#machine.resume(timeline.nowMs)
    loop.kill()
    network.processGone(loop, true)
    this.#backend = undefined
  }

  /** It closes its connection. */
  leave(): Promise<void> {
    const loop = this.#loop
    const backend = this.#backend
    if (loop === undefined || backend === undefined || isOver(loop)) return Promise.resolve()
    this.#stopped ??= this.#leave(loop, backend)
    return this.#stopped
  }

  async #leave(loop: EventLoop, backend: Backend): Promise<void> {
    this.#note('is told to stop', 'up')
    await loop.run(() => backend.close())
    if (isOver(loop)) return
    const { findings, network } = this.#options.bench
    // What was put off until the loop has come round is gone a moment later, and left by nobody.
    await new Promise<void>((resume) => loop.grantor.turn(resume))
    const left = { timers: loop.pending, connections: network.socketsOf(loop) }
    const some = Object.entries(left).filter(([, count]) => count > 0)
    if (some.length > 0)
      findings.add('U1', this.id, `${this.id} has closed, and left ${some.map((each) => each.join(' ')).join(', ')}`)
    this.crash()
  }

  pause(ms?: Millis): void {
    const loop = this.#loop
    if (loop === undefined || loop.state !== 'runs') return
    this.#note('stands still', 'still')
    loop.stop()
    if (ms !== undefined) this.#options.bench.timeline.after(ms, () => this.#resume(loop))
  }

  suspend(ms?: Millis): void {
    if (this.#loop?.state !== 'runs') return
    this.#machine.suspend(this.#options.bench.timeline.nowMs)
    this.pause(ms)
  }

  #resume(loop: EventLoop): void {
    if (loop.state !== 'stopped') return
    this.#machine.resume(this.#options.bench.timeline.nowMs)
    this.#note('goes on', 'up')
    loop.goOn()
  }

  /** It goes on, and is started if it is down. */
  heal(): void {
    if (this.#loop !== undefined) this.#resume(this.#loop)
    this.start()
  }

  #note(what: string, state: 'up' | 'still' | 'down'): void {
    const { timeline, chronicle } = this.#options.bench
    chronicle.note({ at: timeline.nowMs, who: this.id, what, state })
  }
}

/** Asked anew each time: a loop may be killed while somebody waits. */
const isOver = ({ state }: EventLoop): boolean => state === 'over'
