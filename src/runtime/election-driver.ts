import { Election } from '../core/election/election.ts'
import type {
  ElectionEffect,
  ElectionEvent,
  ElectionInput,
  ElectionOptions,
  ElectionView,
  KnownLeader,
  PeerAddress,
} from '../core/election/io.ts'
import { type PeerMessage, type RefusalReason, type Sender, sameBoot, type Term } from '../core/election/messages.ts'
import type { ElectionRecord, Ticket } from '../core/election/record.ts'
import type { TetherId, TetherInput } from '../core/election/tethers.ts'
import type { Machine, Tick } from '../core/machine.ts'
import type { Instant, Millis } from '../core/time.ts'
import type { Clocks } from '../ports/clock.ts'
import type { Telemetry } from '../ports/telemetry.ts'
import type { VoterStore } from '../ports/voter-store.ts'
import { Driver } from './driver.ts'
import { DurableGate } from './durable-gate.ts'
import { RecordWriter } from './record-writer.ts'
import { StallGuard } from './stall-guard.ts'

export interface ElectionDriverOptions {
  readonly clocks: Clocks
  readonly election: Omit<ElectionOptions, 'store'>
  /** Without one nothing outlives the process. Closed by whoever opened it. */
  readonly store: VoterStore | undefined
  readonly telemetry?: Telemetry | undefined
  readonly guard?: StallGuard | undefined
  /** Sends it, or drops it: nothing waits for a connection that is down. */
  send(to: PeerAddress, message: PeerMessage): void
  told(event: ElectionEvent): void
  /** Ends it in order, now: this voter has let go. */
  closeTether?(id: TetherId): void
  /** Something may be different from before: called once nothing is queued. */
  changed(): void
  /** A broken invariant, or a store that is somebody else's by now. This voter neither votes nor leads any more. */
  onFault(error: unknown): void
}

/** Who leads, and for how long that counts without another word. */
export interface CurrentLeader extends KnownLeader {
  readonly leaseMsLeft: Millis
  readonly isSelf: boolean
}

/** What the machine decided. Not by the names that a driver itself understands: what waits for the disk waits in a gate of its own. */
type Deed =
  | { readonly type: 'write'; readonly number: Ticket; readonly record: ElectionRecord }
  | { readonly type: 'say'; readonly what: Extract<ElectionEffect, { type: 'send' }> }
  | { readonly type: 'tell'; readonly event: ElectionEvent }
  | { readonly type: 'untie'; readonly tether: TetherId }

/**
 * One voter that runs: the machine of the election with the clocks of this process, a store and a way to the others.
 *
 * Promises and patience go by the grantor's clock, the lease of a leader by the holder's. Whether it leads is compared with the clock at
 * every call. A slow disk holds nothing up but what rests on it.
 */
export class ElectionDriver implements Disposable {
  readonly #options: ElectionDriverOptions
  readonly #election: Election
  readonly #driver: Driver<ElectionInput, Deed>
  readonly #gate = new DurableGate<Extract<ElectionEffect, { type: 'send' }>>()
  readonly #writer: RecordWriter<ElectionRecord> | undefined
  #closed = false

  constructor(options: ElectionDriverOptions) {
    const { clocks, election, store, telemetry } = options
    this.#options = options
    this.#election = new Election({ ...election, store: store !== undefined })
    if (store !== undefined) {
      this.#writer = new RecordWriter({
        save: (record) => store.save(record),
        unsaved: 'what this voter must remember could not be written, so it does not vote',
        telemetry,
        ended: (ticket, durable, error) => this.#written(ticket, durable, error),
      })
      void store.lost.then((reason) => this.#fault(reason))
    }
    this.#driver = new Driver(machineOf(this.#election, clocks), {
      clock: clocks.grantor,
      perform: (deed) => this.#perform(deed),
      afterTurn: () => options.changed(),
      onFault: (error) => this.#fault(error),
      onDropped: ({ cause }) => telemetry?.count('election_inbox_dropped', 1, { cause }),
      // Whoever listens for the others keeps the process alive.
      ref: false,
      guard: options.guard ?? StallGuard.of(clocks.grantor),
    })
  }

  /** Takes part from now on. To be called once others can reach this voter. */
  start(): void {
    this.#driver.post({ type: 'started', record: this.#options.store?.found })
  }

  /** Whether this voter leads now. To be asked at every use, and never to be remembered. */
  get leads(): boolean {
    return !this.#closed && this.#election.leads(this.#options.clocks.holder.now())
  }

  /** The same, in this very term. */
  leadsIn(term: Term): boolean {
    return this.leads && this.#election.standing.term === term
  }

  /** Who leads now, as far as it is known here. */
  get leader(): CurrentLeader | undefined {
    if (this.#closed) return undefined
    const { leader, leaderUntil, leaseUntil } = this.#election.view()
    if (leader === undefined) return undefined
    const { grantor, holder } = this.#options.clocks
    const isSelf = sameBoot(leader, this.#options.election)
    const leaseMsLeft = isSelf ? leaseUntil - holder.now() : leaderUntil - grantor.now()
    const counts = isSelf ? this.leads : leaseMsLeft > 0
    return counts ? { ...leader, leaseMsLeft: Math.max(0, leaseMsLeft), isSelf } : undefined
  }

  view(): ElectionView {
    return this.#election.view()
  }

  /** Who this voter is, in what it says; `undefined` before it may take part. */
  get self(): Sender | undefined {
    return this.#closed ? undefined : this.#election.self
  }

  /** Why nothing that it says counts here; `undefined` when it does. */
  faultOf(sender: Sender): RefusalReason | undefined {
    return this.#election.standing.faultOfSender(sender)
  }

  /** Who would lead next; `undefined` when this voter does not lead, or nobody who could was heard lately. */
  successor(to?: string): string | undefined {
    return this.#closed ? undefined : this.#election.successor(to)
  }

  receive(from: PeerAddress, message: PeerMessage): void {
    this.#driver.post({ type: 'message', from, message })
  }

  /** What rests on the election knows of this term already, so this voter cannot go on leading in it, or in an earlier one. */
  superseded(term: Term): void {
    this.#driver.post({ type: 'superseded', term })
  }

  /** Lets somebody else lead: the voter named, or whichever was heard last. */
  transfer(to?: string): void {
    this.#driver.post({ type: 'transfer', ...(to !== undefined && { to }) })
  }

  /** What happened to a tether; or, with `untether`, that all of them are to be closed, once this voter has let go. */
  tether(input: TetherInput): void {
    this.#driver.post(input)
  }

  /** Does not lead any more, and hands over. It goes on voting until it is closed. */
  stop(): void {
    this.#driver.post({ type: 'stop' })
  }

  /** Nothing is said or written any more, and no timer is left. */
  close(): void {
    this.#closed = true
    this.#driver.close()
    this.#writer?.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #perform(deed: Deed): void {
    const { send, told } = this.#options
    switch (deed.type) {
      case 'tell':
        return told(deed.event)
      case 'untie':
        return this.#options.closeTether?.(deed.tether)
      case 'write':
        return this.#writer?.write(deed.number, deed.record)
      case 'say':
        if (this.#gate.admit(deed.what) === 'now') send(deed.what.to, deed.what.message)
    }
  }

  #written(ticket: Ticket, durable: boolean, error: unknown): void {
    if (this.#closed) return
    for (const { to, message } of this.#gate.ended(ticket, durable)) this.#options.send(to, message)
    this.#driver.post(durable ? { type: 'persisted', ticket } : { type: 'persistFailed', ticket, error })
  }

  #fault(error: unknown): void {
    if (this.#closed) return
    this.close()
    this.#options.onFault(error)
    this.#options.changed()
  }
}

const machineOf = (election: Election, { holder }: Clocks): Machine<ElectionInput, Deed, ElectionView> => ({
  step: (input: ElectionInput | Tick, now: Instant) =>
    election.step(input, { grantor: now, holder: holder.now() }).map(deedOf),
  wakeAt: () => election.wakeAt(),
  view: () => election.view(),
})

const deedOf = (effect: ElectionEffect): Deed => {
  switch (effect.type) {
    case 'persist':
      return { type: 'write', number: effect.ticket, record: effect.record }
    case 'send':
      return { type: 'say', what: effect }
    case 'emit':
      return { type: 'tell', event: effect.event }
    case 'closeTether':
      return { type: 'untie', tether: effect.id }
  }
}
