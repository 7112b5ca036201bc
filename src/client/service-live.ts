import { hash } from '../core/hash.ts'
import type { Instance } from '../core/registry/instance.ts'
import { apply } from '../core/registry/register.ts'
import { groupOfService } from '../core/registry/services.ts'
import { isSame } from '../core/same.ts'
import type { Millis } from '../core/time.ts'
import { isCaucusError } from '../errors.ts'
import type { Backend } from '../ports/backend.ts'
import type { RegistryPort, ServiceView } from '../ports/registry.ts'
import { Latest } from '../runtime/latest.ts'
import { sleep } from '../runtime/wait.ts'

const FIRST_PAUSE_MS: Millis = 50
const LONGEST_PAUSE_MS: Millis = 2_000

/** What a list needs of its backend. */
export type LiveBackend = Pick<Backend, 'clocks' | 'events' | 'newId'> & { readonly registry: RegistryPort }

/** Why a list is asked for anew though nothing went wrong. */
const AGAIN = Symbol('again')

/**
 * The instances of one service, kept up to date for as long as somebody looks: asked for once, then followed from the revision of that
 * answer. What is missing in between is asked for anew.
 *
 * While the registry cannot be reached, the list stays as it was. After a restart of the registry it stays as it was until everybody had
 * the time to come back.
 */
export class LiveService {
  readonly name: string
  readonly #backend: LiveBackend
  readonly #instances = new Map<string, Instance>()
  /** Rises with every change; 0 before the first answer. */
  readonly versions = new Latest(0)
  readonly #ended = new AbortController()
  readonly #loop: Promise<void>
  #error: unknown

  constructor(name: string, backend: LiveBackend) {
    this.name = name
    this.#backend = backend
    this.#loop = this.#follow()
  }

  get instances(): ReadonlyMap<string, Instance> {
    return this.#instances
  }

  /** Why it is not followed any more, if not by `close`. */
  get error(): unknown {
    return this.#error
  }

  /** What is in the list is not brought up to date any more. */
  get isOver(): boolean {
    return this.#ended.signal.aborted || this.#error !== undefined
  }

  /** Resolves once nothing of it is left. */
  async close(): Promise<void> {
    this.#ended.abort()
    await this.#loop
  }

  /** Never rejects: whoever looks is told. */
  async #follow(): Promise<void> {
    const { signal } = this.#ended
    let failures = 0
    while (!signal.aborted) {
      try {
        await this.#round(signal, () => {
          failures = 0
        })
      } catch (error) {
        if (signal.aborted) break
        if (!isCaucusError(error) || !error.retriable) {
          this.#error = error
          break
        }
        await this.#pause(failures++, signal)
      }
    }
    this.versions.close()
  }

  /** Asks for the list and follows it, up to a gap. */
  async #round(signal: AbortSignal, listed: () => void): Promise<void> {
    const backend = this.#backend
    const view = await backend.registry.service(this.name, { signal })
    // It may have been closed while the answer was on its way, and nobody would end what is begun now.
    if (signal.aborted) return
    this.#take(view)
    listed()
    const round = new AbortController()
    const end = () => round.abort(signal.reason)
    signal.addEventListener('abort', end, { once: true })
    const clock = backend.clocks.grantor
    const again =
      view.incompleteForMs > 0
        ? clock.setTimer(clock.now() + view.incompleteForMs, () => round.abort(AGAIN), { ref: false })
        : undefined
    try {
      const group = groupOfService(this.name)
      for await (const told of backend.events({ group, after: view.revision, signal: round.signal })) {
        if (!('revision' in told)) return
        if (apply(this.#instances, told.event)) this.#changed()
      }
      // It ends without an error only when the connection is closed.
      this.#ended.abort()
    } catch (error) {
      if (round.signal.reason !== AGAIN) throw error
    } finally {
      again?.clear()
      signal.removeEventListener('abort', end)
    }
  }

  #take({ instances, incompleteForMs }: ServiceView): void {
    // Somebody who was there before the registry began anew, and is not back yet, has not gone because of that.
    const before = new Map(this.#instances)
    if (incompleteForMs === 0) this.#instances.clear()
    for (const instance of instances) {
      const known = before.get(instance.id)
      // The same object as long as it says the same: whoever looks sees no change where there is none.
      this.#instances.set(instance.id, isSame(known, instance) ? (known as Instance) : Object.freeze(instance))
    }
    this.#changed()
  }

  #changed(): void {
    this.versions.set(this.versions.value + 1)
  }

  /** Not all at once: many follow one registry, and lose it in the same moment. */
  async #pause(failures: number, signal: AbortSignal): Promise<void> {
    const { clocks } = this.#backend
    const mostMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures, 10))
    try {
      await sleep(clocks.grantor, (hash(this.#backend.newId()) / 2 ** 32) * mostMs, { signal })
    } catch {
      // Closed meanwhile: the loop sees that.
    }
  }
}
