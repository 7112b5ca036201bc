import type { InstanceRecord, InstanceStatus } from '../core/registry/instance.ts'
import { groupOfService } from '../core/registry/services.ts'
import type { Millis } from '../core/time.ts'
import { CaucusError } from '../errors.ts'
import type { Backend, MembershipPort } from '../ports/backend.ts'
import { checkOptions, checkSignal } from './options.ts'
import { checkChanges, checkStatus, type InstanceChanges } from './service-options.ts'

/**
 * `registered`: others see it. `unconfirmed`: no renewal was answered for a lease, so others may not see it; it goes on trying.
 * `withdrawn`, `fenced` and `refused` say how it ended.
 */
export type RegistrationState =
  | 'registering'
  | 'registered'
  | 'unconfirmed'
  | 'withdrawing'
  | 'withdrawn'
  | 'fenced'
  | 'refused'

export interface RegistrationRequest {
  readonly service: string
  readonly id: string
  readonly record: InstanceRecord
}

/** How long a leave waits to be heard. Unheard, others see this instance until its lease has run out. */
const LEAVE_WAIT_MS: Millis = 1_000

interface Waiter {
  resolve(): void
  reject(error: unknown): void
}

/**
 * One process as an instance of a service. It is renewed for as long as the process makes progress, and withdrawn a lease after it stops
 * doing so.
 *
 * It ends by `leave()`, or when another process registers under its id (`CAUCUS_FENCED`, final). Then `signal` is aborted and `error`
 * says why.
 */
export class Registration implements AsyncDisposable {
  readonly id: string
  readonly service: string
  readonly #port: MembershipPort
  readonly #onEnded: (registration: Registration) => void
  readonly #over = new AbortController()
  /** Those who wait until what this instance says of itself is known. */
  readonly #waiting = new Set<Waiter>()
  #record: InstanceRecord
  #ended: { readonly error: CaucusError | undefined } | undefined
  #leaving: Promise<void> | undefined

  /** Use `caucus.service(name).register()`. */
  constructor(
    backend: Backend,
    { service, id, record }: RegistrationRequest,
    onEnded: (registration: Registration) => void,
  ) {
    this.id = id
    this.service = service
    this.#record = record
    this.#onEnded = onEnded
    const { heartbeatMs, stopMarginMs } = backend.timing
    const own = { group: groupOfService(service), member: id, bootId: backend.newId(), heartbeatMs, stopMarginMs }
    this.#port = backend.join(
      { ...own, share: 'none', metadata: record },
      {
        changed: () => this.#changed(),
        granted: () => undefined,
        drain: () => undefined,
        lost: () => undefined,
        refused: (error) => this.#refused(error),
        ended: (error) => this.#end(error),
      },
    )
  }

  /** Resolves once others can find this instance; otherwise nothing of it is left. */
  async admitted(signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#heard(signal)
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** Compared with the clock at every read. */
  get state(): RegistrationState {
    const { state, validUntil } = this.#port.view()
    switch (state) {
      case 'joining':
        return this.#ended === undefined ? 'registering' : 'withdrawn'
      case 'member':
        if (this.#ended !== undefined) return 'withdrawn'
        return this.#port.now() < validUntil ? 'registered' : 'unconfirmed'
      case 'leaving':
        return this.#ended === undefined ? 'withdrawing' : 'withdrawn'
      case 'left':
      case 'concluded':
        return 'withdrawn'
      default:
        return state
    }
  }

  /** Why it ended, if not by its own leave. */
  get error(): CaucusError | undefined {
    return this.#ended?.error
  }

  /** Aborted once this registration is over, however. */
  get signal(): AbortSignal {
    return this.#over.signal
  }

  /** What it says of itself. */
  get instance(): InstanceRecord {
    return this.#record
  }

  /**
   * Says `draining` (finishes what it has), `critical` (cannot serve) or `up` again. Resolves once the registry knows, so that whoever
   * asks from then on is not sent here. Throws `CAUCUS_INVALID_ARGUMENT`; rejects when the registration ends first, or with the signal's reason.
   */
  setStatus(status: InstanceStatus, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.update({ status: checkStatus(status) }, options)
  }

  /** Changes what this instance says of itself, all of it or nothing. Resolves, throws and rejects as `setStatus`. */
  update(changes: InstanceChanges, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    checkOptions(options, ['signal'], 'update()')
    checkSignal(options.signal, 'update()')
    const record = checkChanges(changes, this.#record)
    if (this.#ended === undefined) {
      this.#record = record
      this.#port.setMetadata(record)
    }
    const heard = this.#heard(options.signal)
    // Whoever does not wait for it is told by `signal` that it has ended.
    heard.catch(() => undefined)
    return heard
  }

  /**
   * Withdraws this instance. Resolves once that was heard, or after a second. A signal ends the wait and not the leaving. Leaving twice is
   * leaving once.
   */
  async leave(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    checkOptions(options, ['signal'], 'leave()')
    checkSignal(options.signal, 'leave()')
    this.#leaving ??= this.#port.leave({ limitMs: LEAVE_WAIT_MS })
    await waiting(options.signal, (waiter) => void this.#leaving?.then(waiter.resolve, waiter.reject))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.leave()
  }

  /** Lets go at once. */
  close(): void {
    this.#port.close()
  }

  #heard(signal: AbortSignal | undefined): Promise<void> {
    let waiter: Waiter | undefined
    return waiting(signal, (each) => {
      waiter = each
      this.#waiting.add(each)
      this.#answer()
    }).finally(() => {
      if (waiter !== undefined) this.#waiting.delete(waiter)
    })
  }

  #answer(): void {
    const ended = this.#ended
    const { state, isMetadataHeard } = this.#port.view()
    if (ended === undefined && !(state === 'member' && isMetadataHeard)) return
    for (const waiter of this.#waiting) {
      if (ended === undefined) waiter.resolve()
      else waiter.reject(ended.error ?? isOver(this.service))
    }
  }

  #changed(): void {
    this.#answer()
  }

  /** Whoever waits for the first admission is told; an instance that lost its place tries again with every renewal. */
  #refused(error: CaucusError): void {
    if (error.code !== 'CAUCUS_OVERLOADED' || this.#port.view().state !== 'joining') return
    for (const waiter of this.#waiting) waiter.reject(error)
  }

  #end(error: CaucusError | undefined): void {
    if (this.#ended !== undefined) return
    this.#ended = { error }
    this.#answer()
    this.#over.abort(error ?? isOver(this.service))
    this.#onEnded(this)
  }
}

const isOver = (service: string): CaucusError =>
  new CaucusError('CAUCUS_CLOSED', `this registration with the service "${service}" is over`)

/** A promise that a waiter settles, or the signal; neither listener nor reaction is left. */
const waiting = (signal: AbortSignal | undefined, begin: (waiter: Waiter) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const abort = () => reject(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    const settle = <Args extends unknown[]>(done: (...args: Args) => void) => {
      return (...args: Args) => {
        signal?.removeEventListener('abort', abort)
        done(...args)
      }
    }
    begin({ resolve: settle(resolve), reject: settle(reject) })
  })
