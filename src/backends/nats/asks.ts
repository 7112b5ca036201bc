import { Hub, type HubLimits, type HubView } from '../../core/dispatch/hub.ts'
import type { Payload, Streamed } from '../../core/dispatch/link-messages.ts'
import type { Answer, Given, HubEffect, HubInput, TopicView } from '../../core/dispatch/messages.ts'
import type { Seated } from '../../core/dispatch/roster.ts'
import { Table } from '../../core/dispatch/table.ts'
import { invariant } from '../../core/machine.ts'
import { CaucusError, errorFromWire, isCaucusError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { AskPort, AskRequest, AskSink } from '../../ports/topics.ts'
import { handlerFailure } from '../../runtime/dispatch/failure.ts'
import { connectionClosed } from '../../runtime/dispatch/round.ts'
import { dropValue } from '../../runtime/dispatch/source.ts'
import { Driver } from '../../runtime/driver.ts'
import { MAX_PAYLOAD_BYTES } from '../../wire/limits.ts'
import { fromPayload, toPayload } from '../../wire/topics/payload.ts'
import { Lasting } from './lasting.ts'
import { inParts, type NatsMessage } from './messages.ts'
import type { Entry, Neighbour } from './neighbour.ts'
import type { Outbox } from './outbox.ts'
import { Arrived, PendingAsk, type PendingAskHome } from './pending-ask.ts'
import type { Rosters, TopicRoster } from './rosters.ts'
import type { StreamsIn } from './streams.ts'

const LIMITS: HubLimits = { asks: 100_000, producers: 100_000, listeners: 100_000 }
/** How many calls from inside one turn of the machine may wait. None is made from there. */
const INBOX_LIMIT = 10_000
/** To so few the end of an ask is told one by one. */
const FEW = 4
const NOT_SENT: AskPort = { abandon: () => {} }
const NOW = Promise.resolve()
/** What came too late: nobody looks at it. */
const LATE: Answer = Object.freeze({ type: 'reply', from: '', value: undefined })

export interface AsksOptions {
  readonly clock: Clock
  readonly outbox: Outbox
  readonly streams: StreamsIn
  /** Only once something is asked. */
  rosters(): Rosters
  /** Something is waited for. */
  busy(): void
  heard(roster: TopicRoster, from: string, payload: Payload | Streamed): void
  onFault(error: unknown): void
}

type Of<Type extends NatsMessage['type']> = Extract<NatsMessage, { type: Type }>

/** What this connection has asked and not heard the end of. The same machine decides as in a server of ours: the hub. */
export class Asks implements PendingAskHome {
  readonly #options: AsksOptions
  readonly #hub = new Hub(LIMITS)
  readonly #driver: Driver<HubInput, HubEffect>
  readonly #pending = new Table<PendingAsk>()
  /** Answers of this turn. */
  #given: Given[] = []
  #isGiving = false
  #last = 0

  constructor(options: AsksOptions) {
    this.#options = options
    const { clock, onFault } = options
    this.#driver = new Driver<HubInput, HubEffect>(new Lasting(this.#hub), {
      clock,
      limit: INBOX_LIMIT,
      // The socket keeps the process alive while there is anything to wait for.
      ref: false,
      perform: (effect) => this.#perform(effect),
      onFault,
      onDropped: ({ cause }) => onFault(new Error(`dispatch dropped something: ${cause}`)),
    })
  }

  begin(request: AskRequest, sink: AskSink): AskPort {
    const payload = this.#prepared(request)
    const roster = isCaucusError(payload) ? undefined : this.#options.rosters().use(request.topic)
    if (isCaucusError(payload) || roster === undefined) {
      sink.failed(isCaucusError(payload) ? payload : unavailable())
      return NOT_SENT
    }
    const limitAt = this.#options.clock.now() + request.withinMs
    const pending = new PendingAsk(++this.#last, request, payload, roster, limitAt, sink, this)
    this.#pending.set(pending.ask, pending)
    roster.asks++
    if (roster.isReady) this.#send(pending)
    else this.#sendOnceReady(pending, roster)
    return pending
  }

  /** Everything that changes who is there comes after the answers that came before it. */
  post(input: HubInput): void {
    this.#flush()
    this.#driver.post(input)
  }

  topic(name: string): TopicView | undefined {
    return this.#hub.topic(name, this.#options.clock.now())
  }

  view(): HubView {
    return this.#hub.view()
  }

  replied(neighbour: Neighbour, { ask, producer, payload }: Of<'reply'>): void {
    const entry = neighbour.entries.get(producer)
    const pending = this.#pending.get(ask)
    if (entry === undefined || pending === undefined) {
      if (payload.kind === 'stream') this.#options.streams.stop(neighbour, payload.stream)
      if (entry === undefined) this.#options.rosters().unexpected(neighbour, producer)
      else this.#give({ ask, seat: 0, producer: entry.key, answer: LATE })
      return
    }
    const seat = this.#seatOf(pending, entry)
    const from = pending.expected[seat]?.id
    // Of somebody who was not asked.
    if (from === undefined) return
    const give = (answer: Answer) => this.#give({ ask, seat, producer: entry.key, answer })
    let value: unknown
    try {
      value = payload.kind === 'stream' ? this.#options.streams.open(neighbour, payload.stream) : fromPayload(payload)
    } catch (error) {
      return give(failure(from, error))
    }
    const { accept } = pending.request
    if (accept === undefined) return give(new Arrived(from, value, payload))
    let taken: unknown
    try {
      taken = accept(value)
    } catch (error) {
      dropValue(value)
      return give(failure(from, error))
    }
    if (!(taken instanceof Promise)) return give(new Arrived(from, taken, payload))
    entry.judging++
    void this.#judged(pending, entry, seat, new Arrived(from, value, payload), taken)
  }

  failed(neighbour: Neighbour, { ask, producer, outcome, error }: Of<'fail'>): void {
    const entry = neighbour.entries.get(producer)
    const pending = this.#pending.get(ask)
    if (entry === undefined) return this.#options.rosters().unexpected(neighbour, producer)
    if (pending === undefined) return
    const seat = this.#seatOf(pending, entry)
    const from = pending.expected[seat]?.id
    if (from === undefined) return
    this.#give({
      ask,
      seat,
      producer: entry.key,
      answer: { type: 'error', outcome, from, error: errorFromWire(error) },
    })
  }

  /** Whoever has been asked something longer ago than `before`, and has not answered. */
  *silent(before: number): Iterable<Neighbour> {
    const rosters = this.#options.rosters()
    for (const { expected, sentAt } of this.#pending.all()) {
      if (sentAt > before) continue
      for (const { outstanding, producer } of expected) {
        const neighbour = outstanding > 0 ? rosters.entry(producer)?.neighbour : undefined
        if (neighbour !== undefined) yield neighbour
      }
    }
  }

  get isIdle(): boolean {
    return this.#pending.size === 0
  }

  failAll(error: () => CaucusError): void {
    this.#flush()
    for (const pending of this.#pending.all()) pending.failed(error())
    this.#driver.post({ type: 'unlinked', peer: 0 })
  }

  close(): void {
    this.failAll(connectionClosed)
    this.#driver.close()
  }

  abandoned({ ask, sentIn }: PendingAsk): void {
    if (sentIn >= 0) this.post({ type: 'abandon', ask })
  }

  over(pending: PendingAsk): void {
    // Until the hub has forgotten it too, whatever comes for it is nobody's.
    this.#pending.delete(pending.ask)
    pending.roster.asks--
    pending.waits?.()
  }

  /** The payload as it travels, or why nothing is sent. */
  #prepared({ payload }: AskRequest): Payload | CaucusError {
    const { outbox } = this.#options
    if (!outbox.isOpen) return unavailable()
    if (this.#pending.size >= LIMITS.asks) {
      return new CaucusError('CAUCUS_OVERLOADED', `there are ${LIMITS.asks} asks under way already`)
    }
    if (outbox.isFull) {
      return new CaucusError('CAUCUS_OVERLOADED', 'NATS does not take what is sent to it; ask less at a time')
    }
    try {
      return toPayload(payload, 'the request', 'CAUCUS_INVALID_ARGUMENT', Math.min(MAX_PAYLOAD_BYTES, outbox.roomBytes))
    } catch (error) {
      if (isCaucusError(error)) return error
      throw error
    }
  }

  /** Whoever has said that it is there by half of the limit is expected, if that is sooner than everybody. */
  #sendOnceReady(pending: PendingAsk, roster: TopicRoster): void {
    const { clock } = this.#options
    const run = () => {
      pending.waits = undefined
      stop()
      this.#send(pending)
    }
    const stop = () => {
      roster.waiting.delete(run)
      timer.clear()
    }
    pending.waits = stop
    const timer = clock.setTimer(clock.now() + pending.request.withinMs / 2, run, { ref: false })
    roster.waiting.add(run)
  }

  #send(pending: PendingAsk): void {
    const { clock } = this.#options
    const { ask, request, payload } = pending
    const { topic, until, to } = request
    pending.sentAt = clock.now()
    const withinMs = Math.max(pending.limitAt - pending.sentAt, LEAST_MS)
    this.post({ type: 'ask', ask, peer: 0, asker: pending, topic, payload, until, to, withinMs })
    this.#options.busy()
  }

  #perform(effect: HubEffect): void {
    switch (effect.type) {
      case 'answered':
        return pendingOf(effect).answered(effect.answer)
      case 'request':
        return this.#request(effect)
      case 'finished':
        return pendingOf(effect).finished(effect.summary)
      case 'cancel':
        return this.#cancel(effect)
      case 'heard': {
        const roster = this.#pending.get(effect.ask)?.roster
        const { reply } = effect
        if (roster !== undefined && reply instanceof Arrived) this.#options.heard(roster, reply.from, reply.carried)
        return
      }
      case 'fenced':
        return this.#options.rosters().dropped(effect.producer)
      case 'refused':
        if (effect.what === 'producer') this.#options.rosters().dropped(effect.key)
        else if (effect.what === 'ask') pendingOf(effect).failed(new CaucusError('CAUCUS_OVERLOADED', effect.message))
    }
  }

  #request(effect: Extract<HubEffect, { type: 'request' }>): void {
    const pending = pendingOf(effect)
    const { ask, request, payload, roster } = pending
    // The hub's own seats.
    const expected = effect.expected as readonly Seated[]
    const { outbox, clock } = this.#options
    pending.expected = expected
    pending.sentIn = outbox.flushes
    const asking = { ask, withinMs: Math.max(effect.deadline - clock.now(), LEAST_MS), trace: request.trace, payload }
    if (expected.length === roster.entries.size) {
      pending.isForAll = true
      return roster.lane.say({ type: 'ask', ...asking })
    }
    for (const [{ lane }, all] of this.#byNeighbour(expected)) {
      for (const producers of inParts(all)) lane.say({ type: 'request', producers, ...asking })
    }
  }

  #cancel(effect: Extract<HubEffect, { type: 'cancel' }>): void {
    const { ask, isForAll, sentIn, roster } = pendingOf(effect)
    const { outbox } = this.#options
    // The request goes before its end.
    if (sentIn === outbox.flushes) outbox.flush()
    const message = { type: 'cancel' as const, ask, because: effect.ending }
    if (isForAll && effect.seats.length > FEW) return roster.lane.say(message)
    const outstanding = effect.seats.map((seat) => effect.expected[seat] as Seated)
    for (const neighbour of this.#byNeighbour(outstanding).keys()) neighbour.lane.say(message)
  }

  #byNeighbour(producers: readonly Seated[]): ReadonlyMap<Neighbour, number[]> {
    const rosters = this.#options.rosters()
    const found = new Map<Neighbour, number[]>()
    for (const { producer } of producers) {
      const entry = rosters.entry(producer)
      // One that has just gone is about to be taken off the roster, and completes as `left`.
      if (entry === undefined) continue
      const known = found.get(entry.neighbour)
      if (known === undefined) found.set(entry.neighbour, [entry.producer])
      else known.push(entry.producer)
    }
    return found
  }

  /** Mostly where it was the last time: the list changes only when somebody comes or goes. */
  #seatOf({ expected }: PendingAsk, entry: Entry): number {
    if (expected[entry.seat]?.producer !== entry.key) {
      entry.seat = Math.max(
        0,
        expected.findIndex(({ producer }) => producer === entry.key),
      )
      if (expected[entry.seat]?.producer !== entry.key) return -1
    }
    return entry.seat
  }

  async #judged(
    pending: PendingAsk,
    entry: Entry,
    seat: number,
    reply: Arrived,
    taken: Promise<unknown>,
  ): Promise<void> {
    const { from, carried } = reply
    let answer: Answer
    try {
      answer = new Arrived(from, await taken, carried)
    } catch (error) {
      dropValue(reply.value)
      answer = failure(from, error)
    }
    if (pending.isOver) {
      if (answer.type === 'reply') pending.late++
      dropValue(reply.value)
    }
    this.#give({ ask: pending.ask, seat, producer: entry.key, answer })
    this.#flush()
    this.#options.rosters().judged(entry)
  }

  /** What comes together is handled together. */
  #give(given: Given): void {
    this.#given.push(given)
    if (this.#isGiving) return
    this.#isGiving = true
    // What throws in there is a fault of ours, and must be loud.
    void NOW.then(() => this.#flush())
  }

  #flush(): void {
    this.#isGiving = false
    if (this.#given.length === 0) return
    const answers = this.#given
    this.#given = []
    this.#driver.post({ type: 'answers', answers })
  }
}

/** What is left of a limit that is as good as over. */
const LEAST_MS = 0.001

const pendingOf = ({ asker }: { readonly asker?: unknown }): PendingAsk => {
  invariant(asker instanceof PendingAsk, 'an ask of this connection is known')
  return asker
}

const failure = (from: string, error: unknown): Answer => ({
  type: 'error',
  outcome: 'error',
  from,
  error: handlerFailure(error),
})

const unavailable = () =>
  new CaucusError('CAUCUS_UNAVAILABLE', 'there is no connection to NATS just now; nothing was sent, ask again')
