import { Desk } from '../../core/dispatch/desk.ts'
import type { Answer, Failure, PeerKey, ProducerKey } from '../../core/dispatch/messages.ts'
import { CaucusError } from '../../errors.ts'
import type { ProduceRequest, ProducerListener, ProducerPort, Serve } from '../../ports/topics.ts'
import { type Because, type Delivery, DeliveryContext, type Handler } from './delivery.ts'
import { handlerFailure } from './failure.ts'
import { dropSource, guardSource, isSource } from './source.ts'
import type { Turn } from './turn.ts'

/** What a producer needs of whoever registered it. */
export interface ProducerHome {
  readonly turn: Turn
  /** Whose it is. */
  readonly peer: PeerKey
  /** What became of a delivery. It may `hold` the producer until a reply that has only begun is on its way. */
  answer(delivery: Delivery, answer: Answer): void
  /** It takes no more. */
  withdraw(): void
  /** It has gone. */
  left(): void
}

/** A handler and its desk: it serves in order, so many at a time, and whatever the handler does, it lives on. */
export class LocalProducer implements ProducerPort, Handler {
  readonly key: ProducerKey
  readonly request: ProduceRequest
  readonly #home: ProducerHome
  readonly #serve: Serve
  readonly #listener: ProducerListener
  readonly #desk: Desk<Delivery>
  /** Replies that their askers are looking at, or that have only begun. */
  #unfinished = 0
  #state: 'serving' | 'draining' | 'over' = 'serving'
  #drained: { readonly promise: Promise<void>; resolve(): void } | undefined

  constructor(key: ProducerKey, request: ProduceRequest, serve: Serve, listener: ProducerListener, home: ProducerHome) {
    this.key = key
    this.request = request
    this.#home = home
    this.#serve = serve
    this.#listener = listener
    this.#desk = new Desk(request.concurrency, request.queueLimit)
  }

  get peer(): PeerKey {
    return this.#home.peer
  }

  /** Neither about to leave nor gone. */
  get isServing(): boolean {
    return this.#state === 'serving'
  }

  get running(): number {
    return this.#desk.running
  }

  get queued(): number {
    return this.#desk.waiting
  }

  /** A request has come. */
  take(delivery: Delivery): void {
    const verdict = this.#desk.admit(delivery)
    if (verdict === 'start') this.#home.turn.start(delivery)
    else if (verdict === 'refuse') this.#answer(delivery, this.#refusal())
  }

  /** Called by the turn, when it is this delivery's. */
  start(delivery: Delivery): void {
    // Its ask may have ended between its admission and this turn.
    if (delivery.isRevoked || this.#state === 'over') return this.#done(delivery)
    let given: unknown
    try {
      given = this.#serve(delivery.round.request.payload, new DeliveryContext(delivery))
      if (isThenable(given)) {
        Promise.resolve(given).then(
          (value) => this.#replied(delivery, value),
          (error: unknown) => this.#failed(delivery, error),
        )
        return
      }
    } catch (error) {
      return this.#failed(delivery, error)
    }
    this.#replied(delivery, given)
  }

  /** Nobody needs that reply any more. */
  cancel(delivery: Delivery, because: Because): void {
    if (this.#desk.cancel(delivery)) this.#revoke(delivery, because)
    else this.#leaveIfIdle()
  }

  drain(): Promise<void> {
    if (this.#drained === undefined) {
      let resolve = () => {}
      const promise = new Promise<void>((done) => {
        resolve = done
      })
      this.#drained = { promise, resolve }
    }
    const { promise } = this.#drained
    if (this.#state === 'serving') {
      this.#state = 'draining'
      this.#home.withdraw()
    }
    this.#leaveIfIdle()
    return promise
  }

  close(): void {
    if (this.#state === 'over') return
    this.end('closed')
    this.#home.left()
  }

  /** It is over; the hub knows. */
  end(because: 'closed' | 'fenced', error?: CaucusError): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#desk.clear()
    for (const delivery of this.#desk.atWork()) this.#revoke(delivery, because)
    this.#drained ??= { promise: Promise.resolve(), resolve: () => {} }
    this.#drained.resolve()
    this.#listener.ended(error)
  }

  ready(): void {
    this.#listener.ready()
  }

  /** It is off the roster, and nobody needs what it works on. */
  lost(): void {
    this.#desk.clear()
    for (const delivery of this.#desk.atWork()) this.#revoke(delivery, 'lost')
    if (this.#state === 'serving') this.#listener.lost?.()
    this.#leaveIfIdle()
  }

  /** It does not leave by itself before the `release`. */
  hold(): void {
    this.#unfinished++
  }

  release(): void {
    this.#unfinished--
    this.#leaveIfIdle()
  }

  #revoke(delivery: Delivery, because: Because): void {
    if (delivery.revoke(because)) this.#home.turn.abort(delivery)
  }

  #replied(delivery: Delivery, value: unknown): void {
    // A promise that is none may settle more than once.
    if (delivery.stage !== 'running') return
    // Delivered on its own: whoever was faster has made the ask end by then, and a source that nobody gets is let go.
    if (typeof value === 'object' && guardSource(value)) this.#home.turn.flush()
    const answer: Answer = { type: 'reply', from: this.request.id, value }
    const { accept } = delivery.round.request
    if (accept === undefined || this.#isTooLate(delivery)) this.#settled(delivery, answer)
    else void this.#accepted(delivery, answer, accept)
  }

  async #accepted(delivery: Delivery, answer: Answer & { type: 'reply' }, accept: (value: unknown) => unknown) {
    // The handler has done its part: the next one may begin. But who drains stays until the reply is on its way.
    this.hold()
    this.#done(delivery)
    try {
      delivery.round.accepted(answer, await accept(answer.value))
      if (isSource(answer.value)) this.#home.turn.flush()
      this.#answer(delivery, answer)
    } catch (error) {
      dropSource(answer)
      this.#answer(delivery, this.#failure(error))
    }
    this.release()
  }

  #failed(delivery: Delivery, error: unknown): void {
    if (delivery.stage === 'running') this.#settled(delivery, this.#failure(error))
  }

  #settled(delivery: Delivery, answer: Answer): void {
    this.#answer(delivery, answer)
    this.#done(delivery)
  }

  #answer(delivery: Delivery, answer: Answer): void {
    const { round } = delivery
    if (this.#isTooLate(delivery)) {
      // Who was called off and says so is not late.
      if (answer.type === 'error') return
      round.late++
      dropSource(answer)
      if (this.#state === 'over') return
    }
    this.#home.answer(delivery, answer)
  }

  #done(delivery: Delivery): void {
    const next = this.#desk.done(delivery)
    if (next !== undefined) this.#home.turn.start(next)
    else this.#leaveIfIdle()
  }

  #isTooLate(delivery: Delivery): boolean {
    return delivery.round.isOver || this.#state === 'over'
  }

  #leaveIfIdle(): void {
    if (this.#state === 'draining' && this.#desk.isIdle && this.#unfinished === 0) this.close()
  }

  #failure(error: unknown): Failure {
    return { type: 'error', outcome: 'error', from: this.request.id, error: handlerFailure(error) }
  }

  #refusal(): Failure {
    const { id, queueLimit } = this.request
    const error = new CaucusError('CAUCUS_OVERLOADED', `${id} has ${queueLimit} requests waiting, which is its limit`)
    return { type: 'error', outcome: 'refused', from: id, error }
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
  typeof (value as { then?: unknown }).then === 'function'
