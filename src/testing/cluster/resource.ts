import type { Epoch } from '../../core/lease.ts'
import type { Random } from '../../core/random.ts'
import type { Millis } from '../../core/time.ts'
import type { EventLoop } from './event-loop.ts'
import { epochText } from './frame-text.ts'
import type { Timeline } from './timeline.ts'
import { type Findings, msText } from './violation.ts'

interface Fence {
  readonly epoch: Epoch
  readonly who: string
  readonly atMs: Millis
}

export interface ResourceOptions {
  readonly timeline: Timeline
  readonly findings: Findings
  readonly random: Random
  /** How long a write is under way at most; some take far longer. */
  readonly delayMs: Millis
}

/**
 * Somewhere to write to, far away: a write arrives a while after it was sent, even when its sender is gone by then. With an epoch it is
 * fenced per key, as docs/guarantees.md asks for; without one it takes everything, and lets an earlier owner overwrite a later one.
 */
export class Resource {
  readonly #options: ResourceOptions
  readonly #fences = new Map<string, Fence>()
  readonly #values = new Map<string, unknown>()
  /** The owner of each key as the group had it: what an unfenced write should have been compared with. */
  readonly #owners = new Map<string, Fence>()

  constructor(options: ResourceOptions) {
    this.#options = options
  }

  read(key: string): unknown {
    return this.#values.get(key)
  }

  /** Resolves with whether it was written: `false` when somebody with a newer epoch has been here. `held`: the writer's latest epoch. */
  write(
    who: string,
    loop: EventLoop,
    key: string,
    value: unknown,
    epoch: Epoch | undefined,
    held: Epoch | undefined,
  ): Promise<boolean> {
    const { timeline, random, delayMs } = this.#options
    const there = delayMs * (0.5 + random.next()) * (random.next() < 0.05 ? 40 : 1)
    return new Promise((resolve) => {
      timeline.after(there, () => {
        const written = this.#take(who, key, value, epoch, held)
        timeline.after(delayMs * (0.5 + random.next()), () => loop.deliver(() => resolve(written)))
      })
    })
  }

  #take(who: string, key: string, value: unknown, epoch: Epoch | undefined, held: Epoch | undefined): boolean {
    const { timeline, findings } = this.#options
    const fence = this.#fences.get(key)
    if (epoch !== undefined) {
      if (fence !== undefined && epoch < fence.epoch) return false
      this.#fences.set(key, { epoch, who, atMs: timeline.nowMs })
    }
    const authority = epoch ?? held
    const owner = this.#owners.get(key)
    if (authority !== undefined && owner !== undefined && authority < owner.epoch && owner.who !== who) {
      const late = `${who} wrote "${key}" with what it had at epoch ${epochText(authority)}, after ${owner.who} had written it`
      const then = `at epoch ${epochText(owner.epoch)} (at ${msText(owner.atMs)}); write with the epoch, and let the resource refuse older ones`
      findings.add('Effect', who, `${late} ${then}`)
    }
    if (authority !== undefined && (owner === undefined || authority >= owner.epoch)) {
      this.#owners.set(key, { epoch: authority, who, atMs: timeline.nowMs })
    }
    this.#values.set(key, value)
    return true
  }
}
