import { Desk, type Job } from '../../core/dispatch/desk.ts'
import type { Answer, AskId, Failure, Given, ProducerKey, Seat } from '../../core/dispatch/messages.ts'
import type { Random } from '../../core/random.ts'
import { CaucusError } from '../../errors.ts'
import { exponential } from '../simulation/conditions.ts'
import { must } from '../simulation/violation.ts'
import type { DispatchBench } from './bench.ts'
import type { Link } from './link.ts'

export interface Offer {
  /** The process's own number for it. A new one for each link. */
  number: number
  readonly topic: string
  readonly id: string
  readonly queue: string | undefined
  readonly metadata: unknown
  readonly concurrency: number
  readonly queueLimit: number
}

/** One request in the hands of one producer. */
class Delivery implements Job {
  stage: Job['stage'] = 'new'
  before: Job | undefined = undefined
  after: Job | undefined = undefined
  readonly ask: AskId
  readonly seat: Seat
  readonly producer: ProducerKey
  readonly link: Link
  /** Nobody needs the reply any more, and its handler was told. */
  revoked = false

  constructor(ask: AskId, seat: Seat, producer: ProducerKey, link: Link) {
    this.ask = ask
    this.seat = seat
    this.producer = producer
    this.link = link
  }
}

export interface ProducerHome {
  readonly bench: DispatchBench
  /** Runs it when its process comes to it. */
  post(run: () => void): void
  answer(given: Given, link: Link): void
  /** It has finished what it had, and goes. */
  left(producer: SimulatedProducer): void
}

const failure = (from: string, outcome: Failure['outcome']): Answer => ({
  type: 'error',
  outcome,
  from,
  error: new CaucusError(outcome === 'error' ? 'CAUCUS_HANDLER_FAILED' : 'CAUCUS_OVERLOADED', 'simulated'),
})

/** One producer and its handler, which takes its time, fails or never ends; and somebody who sees that its desk keeps order. */
export class SimulatedProducer {
  readonly offer: Offer
  readonly #home: ProducerHome
  readonly #random: Random
  readonly #desk: Desk<Delivery>
  readonly #deliveries = new Map<AskId, Delivery>()
  /** What the desk should have: in the order in which they came. */
  readonly #waiting: Delivery[] = []
  readonly #running = new Set<Delivery>()
  state: 'serving' | 'draining' | 'over' = 'serving'

  constructor(offer: Offer, home: ProducerHome, random: Random) {
    this.offer = offer
    this.#home = home
    this.#random = random
    this.#desk = new Desk(offer.concurrency, offer.queueLimit)
  }

  take(ask: AskId, seat: Seat, producer: ProducerKey, link: Link): void {
    const { id, concurrency, queueLimit } = this.offer
    must(!this.#deliveries.has(ask), 'P3', () => `${id} is given ask ${ask} twice`)
    const delivery = new Delivery(ask, seat, producer, link)
    const mayStart = this.#running.size < concurrency
    const due = mayStart ? 'start' : this.#waiting.length < queueLimit ? 'wait' : 'refuse'
    const verdict = this.#desk.admit(delivery)
    must(verdict === due, 'Turn', () => {
      return `${id} has ${this.#running.size} running and ${this.#waiting.length} waiting: one more is to ${due}, not to ${verdict}`
    })
    if (verdict === 'refuse') return this.#answer(delivery, failure(id, 'refused'))
    this.#deliveries.set(ask, delivery)
    if (verdict === 'start') this.#start(delivery)
    else this.#waiting.push(delivery)
  }

  cancel(ask: AskId): void {
    const delivery = this.#deliveries.get(ask)
    if (delivery === undefined) return
    const runs = this.#desk.cancel(delivery)
    must(runs === this.#running.has(delivery), 'Turn', () => `${this.offer.id} is told that ask ${ask} runs: ${runs}`)
    if (runs) {
      delivery.revoked = true
      return
    }
    this.#waiting.splice(this.#waiting.indexOf(delivery), 1)
    this.#deliveries.delete(ask)
    this.#leaveIfIdle()
  }

  /** Takes no more, finishes what it has and goes. */
  drain(): void {
    if (this.state !== 'serving') return
    this.state = 'draining'
    this.#leaveIfIdle()
  }

  /** Its link is gone, or it is: nobody waits for anything of it. */
  forget(): void {
    this.#desk.clear()
    must(this.#desk.waiting === 0, 'Turn', () => `${this.offer.id} has forgotten all who wait, and keeps some`)
    this.#waiting.length = 0
    for (const delivery of this.#desk.atWork()) delivery.revoked = true
    for (const delivery of this.#running) {
      must(delivery.revoked, 'Turn', () => `${this.offer.id} forgot that ask ${delivery.ask} runs`)
    }
    this.#deliveries.clear()
  }

  /** When nothing happens any more: whoever still runs was told that nobody waits. */
  judgeQuiet(): void {
    const { id } = this.offer
    must(this.#desk.waiting === 0 || this.#running.size > 0, 'Turn', () => `${id} lets some wait, and nothing runs`)
    for (const { ask, revoked } of this.#running) {
      must(revoked, 'Turn', () => `ask ${ask} has ended, and ${id} still works for it without having been told`)
    }
    must(
      this.#desk.running === this.#running.size,
      'Turn',
      () => `${id} runs ${this.#running.size}, and its desk says ${this.#desk.running}`,
    )
  }

  #start(delivery: Delivery): void {
    const { bench } = this.#home
    const { id, concurrency } = this.offer
    this.#running.add(delivery)
    must(
      this.#running.size <= concurrency,
      'Turn',
      () => `${id} runs ${this.#running.size}, and may run ${concurrency}`,
    )
    const random = this.#random
    if (bench.happens('endless', random, 0.03)) return
    const { workMs } = bench.conditions
    const forMs = bench.happens('slow', random, 0.1) ? exponential(random, workMs * 20) : exponential(random, workMs)
    bench.agenda.after(random.next() < 0.2 ? 0 : forMs, () => this.#home.post(() => this.#ended(delivery)))
  }

  #ended(delivery: Delivery): void {
    const { id } = this.offer
    const { bench } = this.#home
    if (this.#deliveries.get(delivery.ask) === delivery) this.#deliveries.delete(delivery.ask)
    if (this.state !== 'over') {
      if (bench.happens('failing', this.#random, 0.15)) this.#answer(delivery, failure(id, 'error'))
      else this.#answer(delivery, { type: 'reply', from: id, value: this.#token(delivery) })
    }
    this.#running.delete(delivery)
    const next = this.#desk.done(delivery)
    const due = this.#waiting.shift()
    must(next === due, 'Turn', () => `${id} goes on with ask ${next?.ask}, and ask ${due?.ask} has waited longest`)
    if (next !== undefined) this.#start(next)
    else this.#leaveIfIdle()
  }

  #token({ ask, producer }: Delivery): string {
    const token = `${ask} by ${producer}`
    this.#home.bench.given.add(token)
    return token
  }

  #answer({ ask, seat, producer, link }: Delivery, answer: Answer): void {
    this.#home.answer({ ask, seat, producer, answer }, link)
  }

  #leaveIfIdle(): void {
    must(this.#desk.isIdle === (this.#running.size + this.#waiting.length === 0), 'Turn', () => {
      return `${this.offer.id} takes itself for idle: ${this.#desk.isIdle}`
    })
    if (this.state === 'draining' && this.#desk.isIdle) this.#home.left(this)
  }
}
