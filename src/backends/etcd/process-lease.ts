import type { Millis } from '../../core/time.ts'
import type { Engine, LeaseId } from './engine.ts'

/** The one lease of this process under which all its sessions lie. Taken when it is needed first; nobody else's idea of a lost lease counts. */
export class ProcessLease {
  readonly #engine: Engine
  readonly #ttlSeconds: number
  #lease: LeaseId | undefined
  #ttlMs: Millis
  #granting: Promise<LeaseId> | undefined

  constructor(engine: Engine, ttlSeconds: number) {
    this.#engine = engine
    this.#ttlSeconds = ttlSeconds
    this.#ttlMs = ttlSeconds * 1_000
  }

  get id(): LeaseId | undefined {
    return this.#lease
  }

  get ttlMs(): Millis {
    return this.#ttlMs
  }

  /** The lease, or a new one. */
  async hold(): Promise<LeaseId> {
    if (this.#lease !== undefined) return this.#lease
    this.#granting ??= this.#grant()
    return this.#granting
  }

  async #grant(): Promise<LeaseId> {
    try {
      const { lease, ttlMs } = await this.#engine.grant(this.#ttlSeconds)
      this.#lease = lease
      this.#ttlMs = ttlMs
      return lease
    } finally {
      this.#granting = undefined
    }
  }

  /** Resolves with false when it is gone, and everything under it; it is forgotten then. */
  async keep(): Promise<boolean> {
    const lease = this.#lease
    if (lease === undefined || (await this.#engine.keepAlive(lease))) return true
    this.forget(lease)
    return false
  }

  /** Somebody has heard that it is gone. */
  forget(lease: LeaseId | undefined): void {
    if (this.#lease === lease) this.#lease = undefined
  }

  /** Takes everything that lies under it away. Also one that is only being asked for. */
  async revoke(): Promise<void> {
    try {
      await this.#granting
    } catch {
      // Then there is none.
    }
    const lease = this.#lease
    this.#lease = undefined
    if (lease !== undefined) await this.#engine.revoke(lease)
  }
}
