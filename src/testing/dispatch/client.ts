import type { Given, Target, Until } from '../../core/dispatch/messages.ts'
import type { Tick } from '../../core/machine.ts'
import type { Random } from '../../core/random.ts'
import type { Instant } from '../../core/time.ts'
import type { MachineClock } from '../simulation/machine-clock.ts'
import { type Habits, Process } from '../simulation/process.ts'
import { must } from '../simulation/violation.ts'
import type { DispatchBench } from './bench.ts'
import { Hearing } from './hearing.ts'
import type { Link } from './link.ts'
import type { Down, Up } from './messages.ts'
import { OwnAsk } from './own-ask.ts'
import { type Offer, SimulatedProducer } from './producer.ts'

export type ClientInput =
  | { readonly type: 'linked'; readonly link: Link }
  | { readonly type: 'unlinked'; readonly link: Link }
  | { readonly type: 'received'; readonly link: Link; readonly message: Down }
  | { readonly type: 'does'; readonly run: () => void }

export interface ClientHost {
  readonly bench: DispatchBench
  send(link: Link, message: Up): void
  /** It has no link any more, and wants another one. */
  unlinked(client: ClientProcess): void
}

export interface ClientAround {
  readonly clock: MachineClock
  readonly habits: Habits
  readonly random: Random
  readonly host: ClientHost
}

/** How long answers wait for more of them, as a part of the time that a handler takes. */
const TOGETHER = 0.2

/** One process that asks, produces and listens. What it wants outlives its links; what it has asked does not. */
export class ClientProcess extends Process<ClientInput> {
  readonly name: string
  readonly producers: SimulatedProducer[] = []
  readonly listeners: Hearing[] = []
  /** Those that have not ended. */
  readonly asks = new Map<number, OwnAsk>()
  link: Link | undefined
  links = 0
  readonly #host: ClientHost
  readonly #random: Random
  #numbers = 0
  #answers: Given[] = []
  #flushing = false

  constructor(name: string, { clock, habits, random, host }: ClientAround) {
    super(host.bench.agenda, clock, habits)
    this.name = name
    this.#host = host
    this.#random = random
  }

  read(): Instant {
    return this.clock.monotonicMs(this.agenda.now)
  }

  get isLinked(): boolean {
    return this.alive && this.link?.clientOpen === true
  }

  produce(offer: Omit<Offer, 'number'>): void {
    const random = this.#random.fork(`producer ${++this.#numbers}`)
    const producer = new SimulatedProducer({ ...offer, number: 0 }, this.#homeOf(), random)
    this.producers.push(producer)
    this.#register(producer)
  }

  #homeOf() {
    return {
      bench: this.#host.bench,
      post: (run: () => void) => this.post({ type: 'does', run }),
      answer: (given: Given, link: Link) => this.#answer(given, link),
      left: (producer: SimulatedProducer) => this.leave(producer),
    }
  }

  withdraw(producer: SimulatedProducer): void {
    this.#say({ type: 'withdraw', producer: producer.offer.number })
    producer.drain()
  }

  leave(producer: SimulatedProducer): void {
    if (producer.state === 'over') return
    // What it has answered so far goes first.
    this.#flush()
    producer.state = 'over'
    producer.forget()
    this.producers.splice(this.producers.indexOf(producer), 1)
    this.#say({ type: 'leave', producer: producer.offer.number })
  }

  listen(topic: string): void {
    const hearing = new Hearing(topic)
    this.listeners.push(hearing)
    this.#listen(hearing)
  }

  unlisten(hearing: Hearing): void {
    this.listeners.splice(this.listeners.indexOf(hearing), 1)
    this.#say({ type: 'unlisten', listener: hearing.number })
  }

  ask(topic: string, until: Until, withinMs: number, to: Target | undefined): void {
    // A link may have gone while it stood still: an ask needs one now.
    if (this.link === undefined) return
    const ask = ++this.#numbers
    this.asks.set(ask, new OwnAsk(`${this.name}/${ask}`, this.#host.bench.given))
    this.#say({ type: 'ask', ask, topic, until, withinMs, to })
  }

  abandon(ask: number): void {
    // Nothing is heard of it any more: what is under way is for nobody.
    this.asks.delete(ask)
    this.#say({ type: 'abandon', ask })
  }

  /** Says what no process of ours says. */
  lie(given: Given): void {
    this.#say({ type: 'answers', answers: [given] })
  }

  protected wakeAt(): undefined {
    return undefined
  }

  protected stillness(still: boolean): void {
    const what = still ? 'stands still' : 'goes on'
    this.#host.bench.tell({ who: this.name, what, state: still ? 'still' : 'up' })
  }

  protected step(input: ClientInput | Tick): void {
    this.#host.bench.steps++
    switch (input.type) {
      case 'does':
        return input.run()
      case 'linked':
        return this.#linked(input.link)
      case 'unlinked':
        input.link.clientOpen = false
        if (this.link === input.link) this.#unlinked()
        return
      case 'received':
        if (this.link === input.link) this.#receive(input.message, input.link)
        return
      default:
        return
    }
  }

  #linked(link: Link): void {
    this.link = link
    for (const producer of this.producers) this.#register(producer)
    for (const hearing of this.listeners) this.#listen(hearing)
  }

  #unlinked(): void {
    this.link = undefined
    this.#answers = []
    this.asks.clear()
    for (const producer of [...this.producers]) {
      producer.forget()
      if (producer.state === 'draining') this.leave(producer)
    }
    for (const hearing of this.listeners) hearing.interrupted()
    this.#host.unlinked(this)
  }

  #register(producer: SimulatedProducer): void {
    const { offer } = producer
    offer.number = ++this.#numbers
    const { topic, id, queue, metadata, concurrency } = offer
    this.#say({ type: 'produce', producer: offer.number, topic, id, queue, metadata, concurrency })
  }

  #listen(hearing: Hearing): void {
    hearing.number = ++this.#numbers
    this.#say({ type: 'listen', listener: hearing.number, topic: hearing.topic })
  }

  #receive(message: Down, link: Link): void {
    const { to } = message
    switch (message.type) {
      case 'request':
        return this.#producer(to)?.take(message.ask, message.seat, message.producer, link)
      case 'cancel':
        return this.#producer(to)?.cancel(message.ask)
      case 'fenced':
        return this.#gone(this.#producer(to))
      case 'denied':
        return this.#denied(message.what, to)
      case 'answered':
        return this.asks.get(to)?.answered(message.answer)
      case 'finished':
        this.asks.get(to)?.finished(message.summary)
        this.asks.delete(to)
        return
      default:
        return this.listeners.find(({ number }) => number === to)?.heard(message)
    }
  }

  #denied(what: 'producer' | 'ask' | 'listener', number: number): void {
    if (what === 'ask') this.asks.delete(number)
    else if (what === 'producer') this.#gone(this.#producer(number))
    else {
      const place = this.listeners.findIndex((hearing) => hearing.number === number)
      if (place >= 0) this.listeners.splice(place, 1)
    }
  }

  #producer(number: number): SimulatedProducer | undefined {
    return this.producers.find(({ offer }) => offer.number === number)
  }

  /** The server knows that it is over. */
  #gone(producer: SimulatedProducer | undefined): void {
    if (producer === undefined) return
    producer.state = 'over'
    producer.forget()
    this.producers.splice(this.producers.indexOf(producer), 1)
  }

  #answer(given: Given, link: Link): void {
    if (this.link !== link) return
    const { bench } = this.#host
    this.#answers.push(given)
    if (bench.happens('duplicate', this.#random, 0.1)) this.#answers.push(given)
    if (this.#flushing) return
    this.#flushing = true
    const togetherMs = this.#random.next() < 0.5 ? 0 : bench.conditions.workMs * TOGETHER * this.#random.next()
    bench.agenda.after(togetherMs, () => this.post({ type: 'does', run: () => this.#flush() }))
  }

  #flush(): void {
    this.#flushing = false
    if (this.#answers.length === 0) return
    this.#say({ type: 'answers', answers: this.#answers })
    this.#answers = []
  }

  #say(message: Up): void {
    if (this.link !== undefined) this.#host.send(this.link, message)
  }

  /** When nothing happens any more. */
  judgeQuiet(): void {
    must(this.asks.size === 0, 'P1', () => `${this.name} still waits for asks ${[...this.asks.keys()]}`)
    for (const producer of this.producers) producer.judgeQuiet()
  }
}
