import { weightedRendezvous } from '../core/assignment/rendezvous.ts'
import { hash } from '../core/hash.ts'
import { compareIds } from '../core/ids.ts'
import { type InstanceFilter, matches } from '../core/registry/filter.ts'
import type { Instance } from '../core/registry/instance.ts'
import { Rotation } from '../core/registry/rotation.ts'
import { CaucusError } from '../errors.ts'
import type { LiveService } from './service-live.ts'
import { checkPickKey } from './service-options.ts'

/** Nobody follows the list for this connection any more: what is in it may have gone long ago. */
export const connectionClosed = (): CaucusError =>
  new CaucusError('CAUCUS_CLOSED', 'the connection of this picker has been closed; connect again, and pick there')

/** The instances that a filter means, by id. */
export const selected = (live: LiveService, filter: InstanceFilter): readonly Instance[] =>
  Object.freeze(
    [...live.instances.values()].filter((instance) => matches(instance, filter)).sort((a, b) => compareIds(a.id, b.id)),
  )

export interface Picking {
  readonly filter: InstanceFilter
  readonly preferZone: string | undefined
  /** Different for every picker: where its rotation begins. */
  readonly id: string
  release(): void
}

/**
 * Picks an instance at a time from a list that is kept up to date, without asking anybody: no pick waits.
 *
 * Only instances that are `up` are picked, unless the filter asks for others, and none of weight 0. With none left, a pick is `undefined`.
 */
export class Picker implements AsyncDisposable {
  readonly #live: LiveService
  readonly #picking: Picking
  readonly #rotation: Rotation
  #closed = false
  #seen = -1
  #candidates: readonly Instance[] = []

  /** Use `caucus.service(name).pick()`. */
  constructor(live: LiveService, picking: Picking) {
    this.#live = live
    this.#picking = picking
    this.#rotation = new Rotation(hash(picking.id))
  }

  /** Those among whom is picked now, by id. Throws `CAUCUS_CLOSED`, or why the list is not followed any more. */
  get instances(): readonly Instance[] {
    if (this.#closed) throw new CaucusError('CAUCUS_CLOSED', 'this picker has been closed')
    if (this.#live.error !== undefined) throw this.#live.error
    if (this.#live.isOver) throw connectionClosed()
    const { value } = this.#live.versions
    if (value !== this.#seen) {
      this.#seen = value
      this.#candidates = this.#near(selected(this.#live, this.#picking.filter))
    }
    return this.#candidates
  }

  /** The next in turn, each as often as its weight says. */
  roundRobin(): Instance | undefined {
    return this.#rotation.next(this.instances)
  }

  /**
   * The one that `key` belongs to: the same for everybody who sees the same list. An instance that comes, goes or changes its weight takes
   * or leaves only keys of its own. It excludes nobody: lists differ for a moment, so two may serve one key.
   */
  byKey(key: string): Instance | undefined {
    checkPickKey(key)
    return weightedRendezvous(key, this.instances)
  }

  #near(instances: readonly Instance[]): readonly Instance[] {
    const { preferZone } = this.#picking
    if (preferZone === undefined) return instances
    const near = instances.filter(({ zone, weight }) => zone === preferZone && weight > 0)
    return near.length > 0 ? near : instances
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
  }

  /** The list is not followed any more for this. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#picking.release()
  }
}
