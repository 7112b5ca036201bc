import type { PeerAddress } from '../core/election/io.ts'
import type { Sender, Term } from '../core/election/messages.ts'
import type { Machine, Tick } from '../core/machine.ts'
import type { ReplicaEffect, ReplicaInput, ReplicaOptions, ReplicaView } from '../core/replication/io.ts'
import type { Charter, Entry, ReplicaMessage, ReplicaRecord } from '../core/replication/messages.ts'
import { Replica } from '../core/replication/replica.ts'
import type { Instant } from '../core/time.ts'
import { CaucusError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { ReplicaStore } from '../ports/replica-store.ts'
import type { Telemetry } from '../ports/telemetry.ts'
import { Driver } from './driver.ts'
import { DurableGate } from './durable-gate.ts'
import { RecordWriter } from './record-writer.ts'
import type { StallGuard } from './stall-guard.ts'
import type { Ticket } from './tickets.ts'

export interface ReplicaDriverOptions {
  /** The grantor's clock. */
  readonly clock: Clock
  readonly replica: Omit<ReplicaOptions, 'store'>
  /** Who this voter is, in what it says, once the election lets it take part. */
  readonly self: Sender
  /** Without one nothing outlives the process. Closed by whoever opened it. */
  readonly store: ReplicaStore | undefined
  readonly telemetry?: Telemetry | undefined
  readonly guard?: StallGuard | undefined
  /** Sends it, or drops it: whatever is not answered is said again. */
  send(to: PeerAddress, message: ReplicaMessage): void
  /** Says what is wrong with a charter that could not be told to others, or `undefined`. */
  faultOf(charter: Charter): string | undefined
  /** A leader of this later term was heard of. */
  superseded(term: Term): void
  /** A broken invariant. This voter answers no leader any more, and is none. */
  onFault(error: unknown): void
}

type Send = Extract<ReplicaEffect, { type: 'send' }>

/** What the machine decided. Not by the names that a driver itself understands: what waits for the disk waits in a gate of its own. */
type Deed =
  | { readonly type: 'write'; readonly number: Ticket; readonly record: ReplicaRecord }
  | { readonly type: 'say'; readonly what: Send }
  | { readonly type: 'tell'; readonly what: Exclude<ReplicaEffect, { type: 'send' | 'persist' }> }

interface Asked<Answer> {
  resolve(answer: Answer): void
  reject(error: CaucusError): void
}

/** One voter's copy of the charter that runs, from its construction on: the machine of the register with a clock, a file and a way to the others. */
export class ReplicaDriver implements Disposable {
  readonly durable: boolean
  readonly #options: ReplicaDriverOptions
  readonly #replica: Replica
  readonly #driver: Driver<ReplicaInput, Deed>
  readonly #gate = new DurableGate<Send>()
  readonly #writer: RecordWriter<ReplicaRecord> | undefined
  #leading: (Asked<Entry | undefined> & { readonly term: Term }) | undefined
  readonly #saving = new Map<number, Asked<void>>()
  #lastRequest = 0
  #closed = false

  constructor(options: ReplicaDriverOptions) {
    const { clock, replica, self, store, telemetry, guard } = options
    this.#options = options
    this.durable = store !== undefined
    this.#replica = new Replica({ ...replica, store: this.durable })
    if (store !== undefined) {
      this.#writer = new RecordWriter({
        save: (record) => store.save(record),
        unsaved: 'what a leader told this voter could not be written, so it does not count',
        telemetry,
        ended: (ticket, durable) => this.#written(ticket, durable),
      })
    }
    this.#driver = new Driver(machineOf(this.#replica), {
      clock,
      perform: (deed) => this.#perform(deed),
      onFault: (error) => this.#fault(error),
      onDropped: ({ cause }) => telemetry?.count('replica_inbox_dropped', 1, { cause }),
      // Whoever listens for the others keeps the process alive.
      ref: false,
      ...(guard !== undefined && { guard }),
    })
    this.#driver.post({ type: 'started', self, record: store?.found })
  }

  /** Of somebody whom the election lets in. */
  receive(from: PeerAddress, message: ReplicaMessage): void {
    this.#driver.post({ type: 'message', from, message })
  }

  view(): ReplicaView {
    return this.#replica.view()
  }

  /**
   * Resolves with the charter of the last leader, once a majority has said what it has; without one there has never been one. Rejects when
   * it is retired or superseded before.
   */
  lead(term: Term): Promise<Entry | undefined> {
    if (this.#closed) return Promise.reject(notLeading())
    this.#leading?.reject(notLeading())
    return new Promise((resolve, reject) => {
      this.#leading = { term, resolve, reject }
      this.#driver.post({ type: 'lead', term })
    })
  }

  /** Resolves once a majority holds it. Rejects with `CAUCUS_TOO_LARGE`, or with `CAUCUS_LEADERSHIP_LOST` when nobody knows whether one does. */
  save(charter: Charter): Promise<void> {
    if (this.#closed) return Promise.reject(notLeading())
    const fault = this.#options.faultOf(charter)
    if (fault !== undefined) return Promise.reject(new CaucusError('CAUCUS_TOO_LARGE', fault))
    const request = ++this.#lastRequest
    return new Promise((resolve, reject) => {
      this.#saving.set(request, { resolve, reject })
      this.#driver.post({ type: 'save', request, charter })
    })
  }

  /** Does not lead any more. What it waits for is rejected. */
  retire(): void {
    this.#driver.post({ type: 'retire' })
    this.#abandon()
  }

  /** Nothing is said or written any more, and no timer is left. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#driver.close()
    this.#writer?.close()
    this.#abandon()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #abandon(): void {
    this.#leading?.reject(notLeading())
    this.#leading = undefined
    for (const request of [...this.#saving.keys()]) this.#failed(request)
  }

  #perform(deed: Deed): void {
    switch (deed.type) {
      case 'tell':
        return this.#tell(deed.what)
      case 'write':
        return this.#writer?.write(deed.number, deed.record)
      case 'say':
        if (this.#gate.admit(deed.what) === 'now') this.#options.send(deed.what.to, deed.what.message)
    }
  }

  #tell(effect: Extract<Deed, { type: 'tell' }>['what']): void {
    switch (effect.type) {
      case 'led':
        if (this.#leading?.term !== effect.term) return
        this.#leading.resolve(effect.entry)
        this.#leading = undefined
        return
      case 'saved':
        this.#saving.get(effect.request)?.resolve()
        this.#saving.delete(effect.request)
        return
      case 'failed':
        return this.#failed(effect.request)
      case 'superseded':
        this.#leading?.reject(notLeading())
        this.#leading = undefined
        this.#options.superseded(effect.term)
    }
  }

  #failed(request: number): void {
    const message =
      'another peer leads, or this one does not know that it still does: whether this was kept, the next leader finds out'
    this.#saving.get(request)?.reject(new CaucusError('CAUCUS_LEADERSHIP_LOST', message))
    this.#saving.delete(request)
  }

  #written(ticket: Ticket, durable: boolean): void {
    if (this.#closed) return
    for (const { to, message } of this.#gate.ended(ticket, durable)) this.#options.send(to, message)
    this.#driver.post({ type: durable ? 'persisted' : 'persistFailed', ticket })
  }

  #fault(error: unknown): void {
    if (this.#closed) return
    this.close()
    this.#options.onFault(error)
  }
}

const notLeading = (): CaucusError =>
  new CaucusError('CAUCUS_NOT_LEADER', 'this peer does not lead any more; ask whoever does')

const machineOf = (replica: Replica): Machine<ReplicaInput, Deed, ReplicaView> => ({
  step: (input: ReplicaInput | Tick, now: Instant) => replica.step(input, now).map(deedOf),
  wakeAt: () => replica.wakeAt(),
  view: () => replica.view(),
})

const deedOf = (effect: ReplicaEffect): Deed => {
  if (effect.type === 'persist') return { type: 'write', number: effect.ticket, record: effect.record }
  return effect.type === 'send' ? { type: 'say', what: effect } : { type: 'tell', what: effect }
}
