import { foundingIdOf } from './founding.ts'
import type { ElectionDesk, ElectionEffect, ElectionOptions, PeerAddress } from './io.ts'
import type { PeerBody, Sender } from './messages.ts'
import { type ElectionRecord, Journal, type Moment, type Ticket } from './record.ts'
import { Tethers } from './tethers.ts'
import { type Voters, votersOf } from './voters.ts'

/** What every part of one election shares: who this is, what is written down, what time it is, and what this step decides. */
export class Desk implements ElectionDesk {
  readonly options: ElectionOptions
  readonly tethers = new Tethers()
  voters: Voters
  journal: Journal
  at: Moment = { grantor: 0, holder: 0 }
  #effects: ElectionEffect[] = []

  constructor(options: ElectionOptions) {
    this.options = options
    this.voters = votersOf(options.voters)
    this.journal = this.#journalOf(undefined)
  }

  /** What the store holds; `undefined`: nothing. */
  open(record: ElectionRecord | undefined): void {
    if (record !== undefined) this.voters = votersOf(record.voters)
    this.journal = this.#journalOf(record)
  }

  begin(at: Moment): void {
    this.at = at
    this.#effects = []
  }

  get decided(): readonly ElectionEffect[] {
    return this.#effects
  }

  // Bound to the desk, since everybody takes only those that it needs.

  readonly send = (to: PeerAddress, body: PeerBody, after?: Ticket): void => {
    const message = { ...body, sender: this.sender() }
    this.#effects.push({ type: 'send', to, message, ...(after !== undefined && { after }) })
  }

  readonly broadcast = (body: PeerBody, after?: Ticket): void => {
    for (const id of this.voters.ids) if (id !== this.options.id) this.send(id, body, after)
  }

  readonly emit: ElectionDesk['emit'] = (event) => void this.#effects.push({ type: 'emit', event })

  closeTethers(): void {
    for (const id of this.tethers.closeAll()) this.#effects.push({ type: 'closeTether', id })
  }

  /** Who this is, in what it says. */
  sender(): Sender {
    const { cluster, id, bootId } = this.options
    const { storeId, founding } = this.journal.record
    const voters = this.voters.identity
    return { cluster, voters, id, bootId, storeId, ...(founding !== undefined && { founding: foundingIdOf(founding) }) }
  }

  #journalOf(record: ElectionRecord | undefined): Journal {
    const { cluster, id, store, fresh } = this.options
    const blank: ElectionRecord = {
      cluster,
      voter: id,
      voters: this.voters.ids,
      storeId: store ? fresh.storeId : '',
      base: fresh.base,
      complete: false,
      term: 0,
      promiseMs: 0,
    }
    const write = (ticket: Ticket, written: ElectionRecord) =>
      void this.#effects.push({ type: 'persist', ticket, record: written })
    return new Journal(record ?? blank, store ? write : undefined)
  }
}
