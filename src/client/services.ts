import type { ServiceCount } from '../core/registry/view.ts'
import { CaucusError } from '../errors.ts'
import type { Backend } from '../ports/backend.ts'
import { checkOptions, checkSignal } from './options.ts'
import { Service, type ServiceHome } from './service.ts'
import { type LiveBackend, LiveService } from './service-live.ts'
import { checkServiceName } from './service-options.ts'
import { Registration, type RegistrationRequest } from './service-registration.ts'

/** The services of one connection: what it has registered, and the lists that it follows. */
export class Services implements ServiceHome {
  readonly #open: () => Backend
  readonly #registrations = new Set<Registration>()
  readonly #followed = new Map<string, { readonly live: LiveService; users: number }>()
  readonly #closing = new Set<Promise<void>>()

  /** `open` throws once the connection has been closed. */
  constructor(open: () => Backend) {
    this.#open = open
  }

  service(name: string): Service {
    checkServiceName(name)
    return new Service(name, this)
  }

  async list(options: { readonly signal?: AbortSignal } = {}): Promise<readonly ServiceCount[]> {
    checkOptions(options, ['signal'], 'services()')
    checkSignal(options.signal, 'services()')
    return this.backend().registry.services(options)
  }

  backend(): LiveBackend {
    const backend = this.#open()
    if (hasRegistry(backend)) return backend
    throw new CaucusError(
      'CAUCUS_INVALID_ARGUMENT',
      'this backend has no registry; connect to embedded() or remote([url])',
    )
  }

  async register(request: RegistrationRequest, signal: AbortSignal | undefined): Promise<Registration> {
    this.backend()
    const registration = new Registration(this.#open(), request, (ended) => this.#registrations.delete(ended))
    this.#registrations.add(registration)
    await registration.admitted(signal)
    return registration
  }

  follow(name: string): { readonly live: LiveService; release(): void } {
    let followed = this.#followed.get(name)
    if (followed === undefined || followed.live.error !== undefined) {
      followed = { live: new LiveService(name, this.backend()), users: 0 }
      this.#followed.set(name, followed)
    }
    const mine = followed
    mine.users++
    let isReleased = false
    const release = () => {
      if (isReleased) return
      isReleased = true
      if (--mine.users > 0) return
      if (this.#followed.get(name) === mine) this.#followed.delete(name)
      this.#end(mine.live)
    }
    return { live: mine.live, release }
  }

  #end(live: LiveService): void {
    const closing = live.close().finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }

  /** Withdraws everything, and ends every list. Resolves once nothing of that is left. */
  async leave(): Promise<void> {
    for (const { live } of this.#followed.values()) this.#end(live)
    this.#followed.clear()
    const leaving = [...this.#registrations].map(async (registration) => {
      if (registration.state === 'registering') registration.close()
      else await registration.leave()
    })
    await Promise.all([...leaving, ...this.#closing])
  }
}

const hasRegistry = (backend: Backend): backend is Backend & LiveBackend => backend.registry !== undefined
