import { type InstanceFilter, matches } from '../core/registry/filter.ts'
import type { Instance } from '../core/registry/instance.ts'
import { groupOfService } from '../core/registry/services.ts'
import type { ServiceView } from '../ports/registry.ts'
import { checkMemberId, checkOptions, checkSignal } from './options.ts'
import type { LiveBackend, LiveService } from './service-live.ts'
import {
  checkFilter,
  checkRecord,
  checkRegister,
  checkZone,
  type InstancesOptions,
  type PickOptions,
  type RegisterOptions,
} from './service-options.ts'
import { connectionClosed, Picker, selected } from './service-picker.ts'
import type { Registration, RegistrationRequest } from './service-registration.ts'

/** What a service needs of its connection. */
export interface ServiceHome {
  backend(): LiveBackend
  register(request: RegistrationRequest, signal: AbortSignal | undefined): Promise<Registration>
  /** The list of a service, until it is released. */
  follow(name: string): { readonly live: LiveService; release(): void }
}

/** A named set of processes that can be connected to, each of which says by itself that it is there. */
export class Service {
  readonly name: string
  readonly #home: ServiceHome

  /** Use `caucus.service(name)`. */
  constructor(name: string, home: ServiceHome) {
    this.name = name
    this.#home = home
  }

  /**
   * Resolves once others can find this process as an instance of the service. While the registry cannot be reached it goes on trying.
   * Rejects with the signal's reason, `CAUCUS_INVALID_ARGUMENT`, `CAUCUS_OVERLOADED` (a limit of the server), `CAUCUS_FORBIDDEN`,
   * `CAUCUS_FENCED` or `CAUCUS_CLOSED`.
   */
  async register(options: RegisterOptions): Promise<Registration> {
    checkRegister(options)
    const { id = this.#home.backend().newId(), signal } = options
    checkMemberId(id)
    const record = checkRecord(options, 'register()')
    signal?.throwIfAborted()
    return this.#home.register({ service: this.name, id, record }, signal)
  }

  /** Resolves with the instances that the filter means, by id; without one with those that are `up`. None is no error. */
  async instances(options: InstancesOptions = {}): Promise<readonly Instance[]> {
    const filter = checkFilter(options, ['signal'], 'instances()')
    const { instances } = await this.#home.backend().registry.service(this.name, { signal: options.signal })
    return Object.freeze(instances.filter((instance) => matches(instance, filter)))
  }

  /** Resolves with all instances, whatever their status, and the revision of that moment: `events({ after })` goes on from there. */
  async view(options: { readonly signal?: AbortSignal } = {}): Promise<ServiceView> {
    checkOptions(options, ['signal'], 'view()')
    checkSignal(options.signal, 'view()')
    return this.#home.backend().registry.service(this.name, options)
  }

  /**
   * Yields the instances that the filter means: the present ones first, then the newest list whenever it has changed. While the registry
   * cannot be reached there is nothing new. Throws the signal's reason, or `CAUCUS_FORBIDDEN` and the like.
   */
  watch(options: InstancesOptions = {}): AsyncGenerator<readonly Instance[], undefined> {
    return this.#watch(checkFilter(options, ['signal'], 'watch()'), options.signal)
  }

  async *#watch(
    filter: InstanceFilter,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<readonly Instance[], undefined> {
    const { live, release } = this.#home.follow(this.name)
    let shown: readonly Instance[] | undefined
    try {
      for await (const version of live.versions.watch({ signal })) {
        if (version === 0) continue
        const list = selected(live, filter)
        if (shown !== undefined && isSameList(shown, list)) continue
        shown = list
        yield list
      }
      if (live.error !== undefined) throw live.error
      return undefined
    } finally {
      release()
    }
  }

  /**
   * Yields what the registry recorded of this service after the revision `after`, or from now on. It is bounded: a `gap` stands for
   * what is forgotten or was missed.
   */
  events(options: { readonly after?: string; readonly signal?: AbortSignal } = {}) {
    checkOptions(options, ['after', 'signal'], 'events()')
    checkSignal(options.signal, 'events()')
    return this.#home
      .backend()
      .events({ group: groupOfService(this.name), after: options.after, signal: options.signal })
  }

  /** Resolves with a picker once there is a first list, even if nobody is in it. Rejects as `watch` throws. */
  async pick(options: PickOptions = {}): Promise<Picker> {
    const filter = checkFilter(options, ['preferZone', 'signal'], 'pick()')
    const { preferZone, signal } = options
    checkZone(preferZone)
    const { live, release } = this.#home.follow(this.name)
    try {
      for await (const version of live.versions.watch({ signal })) if (version > 0) break
      if (live.error !== undefined) throw live.error
      if (live.isOver) throw connectionClosed()
    } catch (error) {
      release()
      throw error
    }
    return new Picker(live, { filter, preferZone, id: this.#home.backend().newId(), release })
  }
}

const isSameList = (a: readonly Instance[], b: readonly Instance[]): boolean =>
  a.length === b.length && a.every((instance, place) => instance === b[place])
