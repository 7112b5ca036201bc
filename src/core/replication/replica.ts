import { type Boot, firstRound, MAX_TERM, type Sender, type Term } from '../election/messages.ts'
import { invariant, type Machine, type Tick } from '../machine.ts'
import type { Instant } from '../time.ts'
import { Acceptor } from './acceptor.ts'
import type { ReplicaEffect, ReplicaInput, ReplicaOptions, ReplicaView } from './io.ts'
import { replicaMessageFault } from './message-fault.ts'
import type { Charter, ReplicaBody, ReplicaMessage, ReplicaRecord } from './messages.ts'
import { OwnAnswers } from './own-answers.ts'
import { Proposer } from './proposer.ts'
import { Recovery } from './recovery.ts'

type Of<Type extends ReplicaInput['type']> = Extract<ReplicaInput, { type: Type }>

const NEVER: Instant = Number.POSITIVE_INFINITY

/**
 * One voter's part in a register on a majority of the voters, and the leader's part while it leads: what was decided in any earlier term
 * is found by every later leader, and an earlier one decides nothing that a later one has not found (docs/replication.md).
 */
export class Replica implements Machine<ReplicaInput, ReplicaEffect, ReplicaView> {
  readonly #options: ReplicaOptions
  readonly #others: readonly string[]
  readonly #own = new OwnAnswers()
  #sender: Sender | undefined
  #acceptor: Acceptor | undefined
  #proposer: Proposer | undefined
  #recovery: Recovery | undefined
  /** Numbers go on where this process led before, also in the same term. */
  #lastLed: { readonly term: Term; readonly version: number } = { term: 0, version: 0 }
  #endedBy: 'superseded' | 'retired' = 'retired'
  #retryAt: Instant = NEVER
  #writeAgainAt: Instant = NEVER
  #now: Instant = 0
  #effects: ReplicaEffect[] = []

  constructor(options: ReplicaOptions) {
    invariant(options.voters.includes(options.id), 'whoever has no vote keeps nothing')
    this.#options = options
    this.#others = options.voters.filter((id) => id !== options.id)
  }

  step(input: ReplicaInput | Tick, now: Instant): readonly ReplicaEffect[] {
    this.#now = now
    this.#effects = []
    if (input.type === 'started') this.#start(input)
    else if (this.#acceptor !== undefined) this.#take(input, this.#acceptor)
    else invariant(input.type !== 'lead' && input.type !== 'save', 'nobody leads before it has started')
    this.#ask()
    this.#arm()
    return this.#effects
  }

  wakeAt(): Instant | undefined {
    const at = Math.min(this.#retryAt, this.#writeAgainAt)
    return at === NEVER ? undefined : at
  }

  view(): ReplicaView {
    const { blank = false, promised = 0, entry } = this.#acceptor ?? {}
    const waitingFor = blank ? (this.#recovery?.waitingFor ?? []) : []
    return { blank, waitingFor, promised, ...(entry !== undefined && { entry }) }
  }

  #start(input: Of<'started'>): void {
    if (this.#acceptor !== undefined) return
    const { store, bootId, random } = this.#options
    const { record } = input
    const { storeId } = input.self
    this.#sender = input.self
    const kept = store && record?.storeId === storeId ? record : undefined
    const write = (ticket: number, written: ReplicaRecord) =>
      void this.#effects.push({ type: 'persist', ticket, record: written })
    const blank = store && kept === undefined
    this.#acceptor = new Acceptor(kept ?? { storeId, promised: 0 }, blank, store ? write : undefined)
    if (kept !== undefined) return
    // Without a store it does not wait for what others know: they may be gone for good. It hears it nevertheless.
    this.#recovery = new Recovery(this.#others, `${bootId}/${random.below(2 ** 32)}`)
    this.#recover(this.#acceptor, this.#recovery)
  }

  #take(input: Exclude<ReplicaInput, { type: 'started' }> | Tick, acceptor: Acceptor): void {
    switch (input.type) {
      case 'message':
        return this.#receive(input.from, input.message, acceptor)
      case 'persisted':
        acceptor.journal.ended(input.ticket, true)
        for (const answer of this.#own.durable(acceptor.journal)) this.#answered(this.#options, answer)
        return
      case 'persistFailed':
        acceptor.journal.ended(input.ticket, false)
        if (acceptor.journal.lost) this.#writeAgainAt = this.#now + this.#options.retryMs
        return
      case 'lead':
        return this.#lead(input.term)
      case 'save':
        return this.#save(input.request, input.charter)
      case 'retire':
        return this.#end('retired')
      case 'woke':
        return this.#woke(acceptor)
      case 'stalled':
    }
  }

  #receive(from: string, message: ReplicaMessage, acceptor: Acceptor): void {
    if (replicaMessageFault(message) !== undefined || !this.#others.includes(message.sender.id)) return
    const { sender } = message
    this.#heardOf(termToldBy(message))
    this.#proposer?.heard(sender)
    switch (message.type) {
      case 'collect':
      case 'store':
      case 'recover':
        return this.#answer(from, acceptor.answer(sender, message))
      case 'recovered':
        return this.#learned(message, acceptor)
      default:
        return this.#answered(sender, message)
    }
  }

  #answer(to: string, body: ReplicaBody | undefined): void {
    if (body !== undefined) this.#send(to, body, this.#acceptor?.journal.after)
  }

  /** What one of the voters, this one included, says to the leader. */
  #answered(voter: Boot, answer: ReplicaBody): void {
    const proposer = this.#proposer
    if (proposer === undefined) return
    switch (answer.type) {
      case 'collected':
        if (!proposer.collected(voter, answer)) return
        this.#effects.push({ type: 'led', term: proposer.term, ...(proposer.found && { entry: proposer.found }) })
        return
      case 'stored':
        for (const request of proposer.stored(voter, answer)) this.#effects.push({ type: 'saved', request })
        return
      case 'superseded':
        // Where nothing is written down it may be another process in the same term.
        if (answer.term !== proposer.term || answer.promised < answer.term) return
        if (proposer.hasAsked(voter.id, answer.round)) this.#supersede(answer.promised)
    }
  }

  #lead(term: Term): void {
    invariant(Number.isSafeInteger(term) && term > 0 && term <= MAX_TERM, 'a term is a whole number, and not too large')
    if (this.#proposer !== undefined) this.#end(term > this.#proposer.term ? 'superseded' : 'retired')
    this.#endedBy = 'retired'
    const { random, voters } = this.#options
    const version = this.#lastLed.term === term ? this.#lastLed.version : 0
    this.#proposer = new Proposer(term, voters, firstRound(random), version)
  }

  #save(request: number, charter: Charter): void {
    if (this.#proposer?.led !== true) {
      this.#effects.push({ type: 'failed', request, because: this.#endedBy })
      return
    }
    this.#proposer.save(request, charter)
  }

  /** Itself first: if it has answered a later leader, nobody else needs to be asked. */
  #ask(): void {
    const { id } = this.#options
    const whom = this.#proposer?.toBeAsked() ?? []
    if (whom.includes(id)) this.#askItself()
    const question = this.#proposer?.question
    if (question === undefined) return
    for (const other of whom) if (other !== id) this.#send(other, question)
  }

  #askItself(): void {
    const own = this.#options
    const question = this.#proposer?.question
    const answer = this.#acceptor?.answer(own, question)
    if (answer === undefined) return this.#proposer?.mayAskAgain(own.id)
    const after = this.#acceptor?.journal.after
    if (after === undefined) this.#answered(own, answer)
    else this.#own.waits(after, answer)
  }

  #end(because: 'superseded' | 'retired'): void {
    this.#endedBy = because
    const proposer = this.#proposer
    if (proposer === undefined) return
    this.#proposer = undefined
    this.#own.clear()
    this.#lastLed = proposer
    for (const request of proposer.left) this.#effects.push({ type: 'failed', request, because })
  }

  #heardOf(term: Term): void {
    if (this.#proposer !== undefined && term > this.#proposer.term) this.#supersede(term)
  }

  #supersede(term: Term): void {
    this.#end('superseded')
    this.#effects.push({ type: 'superseded', term })
  }

  #recover(acceptor: Acceptor, recovery: Recovery): void {
    const known = recovery.outcome
    if (known === undefined) return this.#tellAll(recovery)
    this.#recovery = undefined
    acceptor.restore(known.promised, known.entry)
  }

  #recoverOn(recovery: Recovery): void {
    recovery.goOn()
    this.#tellAll(recovery)
  }

  #tellAll({ nonce, unanswered }: Recovery): void {
    for (const id of unanswered) this.#send(id, { type: 'recover', nonce })
  }

  #learned(message: Extract<ReplicaMessage, { type: 'recovered' }>, acceptor: Acceptor): void {
    const recovery = this.#recovery
    if (recovery === undefined) return
    const { promised, entry } = message
    if (!this.#options.store && !message.blank) acceptor.restore(promised, entry)
    const asksNow = recovery.answered(message)
    if (recovery.outcome !== undefined || asksNow) this.#recover(acceptor, recovery)
  }

  #woke(acceptor: Acceptor): void {
    if (this.#now >= this.#writeAgainAt) {
      this.#writeAgainAt = NEVER
      if (acceptor.journal.lost) acceptor.journal.again()
    }
    if (this.#now < this.#retryAt) return
    this.#retryAt = NEVER
    if (this.#recovery !== undefined) this.#recoverOn(this.#recovery)
    // What it has answered itself waits for the disk, and is not lost on the way.
    for (const other of this.#others) this.#proposer?.mayAskAgain(other)
  }

  #arm(): void {
    const waits = this.#recovery !== undefined || (this.#proposer?.unanswered.length ?? 0) > 0
    if (!waits) this.#retryAt = NEVER
    else if (this.#retryAt === NEVER) this.#retryAt = this.#now + this.#options.retryMs
  }

  #send(to: string, body: ReplicaBody, after?: number): void {
    if (this.#sender === undefined) return
    const message = { ...body, sender: this.#sender }
    this.#effects.push({ type: 'send', to, message, ...(after !== undefined && { after }) })
  }
}

/** The latest term of which a message proves that somebody leads, or led, in it. */
const termToldBy = (message: ReplicaMessage): Term => {
  if (message.type === 'collect') return message.term
  if (message.type === 'store') return message.entry.term
  return message.type === 'superseded' || message.type === 'recovered' ? message.promised : 0
}
