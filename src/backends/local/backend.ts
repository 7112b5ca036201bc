import type { Backend } from '../../ports/backend.ts'
import type { Keeper } from './keeper.ts'

/** The backend of a client, whose end is also the end of what this process did for the others. */
export class LocalBackend implements Backend {
  readonly guarantees
  readonly clocks
  readonly timing
  readonly #client: Backend
  readonly #keeper: Keeper
  #closed: Promise<void> | undefined

  constructor(client: Backend, keeper: Keeper) {
    this.guarantees = client.guarantees
    this.clocks = client.clocks
    this.timing = client.timing
    this.#client = client
    this.#keeper = keeper
  }

  get topics() {
    return this.#client.topics as NonNullable<Backend['topics']>
  }

  get registry() {
    return this.#client.registry as NonNullable<Backend['registry']>
  }

  newId(): string {
    return this.#client.newId()
  }

  join(...args: Parameters<Backend['join']>) {
    return this.#client.join(...args)
  }

  groups(...args: Parameters<Backend['groups']>) {
    return this.#client.groups(...args)
  }

  group(...args: Parameters<Backend['group']>) {
    return this.#client.group(...args)
  }

  present(...args: Parameters<Backend['present']>) {
    return this.#client.present(...args)
  }

  events(...args: Parameters<Backend['events']>) {
    return this.#client.events(...args)
  }

  linkEvents(...args: Parameters<Backend['linkEvents']>) {
    return this.#client.linkEvents(...args)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    try {
      await this.#client.close()
    } finally {
      await this.#keeper.close()
    }
  }
}
