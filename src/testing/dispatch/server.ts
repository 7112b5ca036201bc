import { Hub } from '../../core/dispatch/hub.ts'
import type { HubEffect, HubInput } from '../../core/dispatch/messages.ts'
import type { Tick } from '../../core/machine.ts'
import type { Random } from '../../core/random.ts'
import type { Instant } from '../../core/time.ts'
import type { MachineClock } from '../simulation/machine-clock.ts'
import { type Habits, Process } from '../simulation/process.ts'
import type { DispatchBench } from './bench.ts'
import { HubBook } from './hub-book.ts'
import type { Link } from './link.ts'
import type { Down, Up } from './messages.ts'

export type ServerInput =
  | { readonly type: 'received'; readonly link: Link; readonly message: Up }
  | { readonly type: 'unlinked'; readonly link: Link }

export interface ServerHost {
  readonly bench: DispatchBench
  /** False when its queue has no room for what can be done without. */
  send(link: Link, message: Down, optional: boolean): boolean
}

/** Whoever began something: over which link, and under which number there. */
interface Whose {
  readonly link: Link
  readonly number: number
}

interface Listening extends Whose {
  readonly topic: string
  dropped: number
}

/** What a link has begun: its own numbers, and the hub's. */
interface Begun {
  readonly producers: Map<number, number>
  readonly listeners: Map<number, number>
  readonly asks: Map<number, number>
}

/** One run of the server: the hub, the bystander beside it, and links. Nothing survives it. */
export class ServerProcess extends Process<ServerInput> {
  readonly run: number
  readonly hub: Hub
  readonly book: HubBook
  readonly #host: ServerHost
  readonly #links = new Map<Link, Begun>()
  readonly #producers = new Map<number, Whose>()
  readonly #listeners = new Map<number, Listening>()
  /** How many replies there have been on each topic. */
  readonly #replies = new Map<string, number>()
  /** What each producer was asked. */
  readonly #asked = new Map<number, { readonly ask: number; readonly seat: number }[]>()
  readonly #newKey: () => number
  readonly #chance: Random

  constructor(
    run: number,
    around: { clock: MachineClock; habits: Habits; host: ServerHost; random: Random; newKey: () => number },
  ) {
    const { bench } = around.host
    super(bench.agenda, around.clock, around.habits)
    this.run = run
    this.#host = around.host
    this.#newKey = around.newKey
    this.#chance = around.random
    this.hub = new Hub(bench.conditions.limits)
    this.book = new HubBook(bench.conditions.limits)
  }

  read(): Instant {
    return this.clock.monotonicMs(this.agenda.now)
  }

  linked(link: Link): void {
    this.#links.set(link, { producers: new Map(), listeners: new Map(), asks: new Map() })
  }

  /** How many replies there have been on a topic. */
  repliesOn(topic: string): number {
    return this.#replies.get(topic) ?? 0
  }

  protected wakeAt(): Instant | undefined {
    return this.hub.wakeAt()
  }

  protected stillness(still: boolean): void {
    this.#host.bench.tell({ who: 'server', what: still ? 'stands still' : 'goes on', state: still ? 'still' : 'up' })
  }

  protected step(input: ServerInput | Tick): void {
    if (input.type === 'woke' || input.type === 'stalled') return this.#step(input)
    const begun = this.#links.get(input.link)
    if (begun === undefined) return
    if (input.type === 'unlinked') return this.#unlinked(input.link, begun)
    const translated = this.#translated(input.message, input.link, begun)
    if (translated !== undefined) this.#step(translated)
  }

  #step(input: HubInput | Tick): void {
    const { bench } = this.#host
    bench.steps++
    const now = this.read()
    const effects = this.hub.step(input, now)
    this.book.stepped(this.hub, input, effects, now)
    for (const effect of effects) this.#perform(effect)
  }

  #unlinked(link: Link, { producers, listeners }: Begun): void {
    link.serverOpen = false
    this.#links.delete(link)
    for (const key of producers.values()) this.#producers.delete(key)
    for (const key of listeners.values()) this.#listeners.delete(key)
    this.#step({ type: 'unlinked', peer: link.number })
  }

  #translated(message: Up, link: Link, begun: Begun): HubInput | undefined {
    const peer = link.number
    switch (message.type) {
      case 'produce': {
        const producer = this.#newKey()
        begun.producers.set(message.producer, producer)
        this.#producers.set(producer, { link, number: message.producer })
        return { ...message, peer, producer }
      }
      case 'withdraw':
      case 'leave': {
        const producer = begun.producers.get(message.producer)
        if (producer === undefined) return undefined
        if (message.type === 'withdraw') return { type: 'withdraw', producer }
        begun.producers.delete(message.producer)
        this.#producers.delete(producer)
        return { type: 'left', producer, ...this.#unanswered(producer) }
      }
      case 'listen': {
        const listener = this.#newKey()
        const { topic } = message
        begun.listeners.set(message.listener, listener)
        this.#listeners.set(listener, { link, number: message.listener, topic, dropped: 0 })
        this.#host.send(link, { type: 'listening', to: message.listener, after: this.repliesOn(topic) }, false)
        return { type: 'listen', listener, peer, topic }
      }
      case 'unlisten': {
        const listener = begun.listeners.get(message.listener)
        if (listener === undefined) return undefined
        begun.listeners.delete(message.listener)
        this.#listeners.delete(listener)
        return { type: 'unlisten', listener }
      }
      case 'ask': {
        const ask = this.#newKey()
        begun.asks.set(message.ask, ask)
        const asker: Whose = { link, number: message.ask }
        return { ...message, ask, asker, peer, payload: `ask ${ask}` }
      }
      case 'abandon': {
        const ask = begun.asks.get(message.ask)
        return ask === undefined ? undefined : { type: 'abandon', ask }
      }
      case 'answers':
        return message
    }
  }

  /** What it was asked, as far as anybody here remembers; and something that it was not. */
  #unanswered(producer: number): Pick<Extract<HubInput, { type: 'left' }>, 'requests'> {
    const asked = this.#asked.get(producer) ?? []
    this.#asked.delete(producer)
    const draw = this.#chance.next()
    if (draw < 0.3) return {}
    const some = draw < 0.6 ? asked : asked.filter(() => this.#chance.next() < 0.5)
    const last = asked.at(-1)
    return { requests: last === undefined ? some : [{ ask: last.ask, seat: last.seat + 1 }, ...some] }
  }

  #perform(effect: HubEffect): void {
    switch (effect.type) {
      case 'request':
        for (const [seat, { producer }] of effect.expected.entries()) {
          const asked = this.#asked.get(producer)
          if (asked === undefined) this.#asked.set(producer, [{ ask: effect.ask, seat }])
          else asked.push({ ask: effect.ask, seat })
          this.#tell(this.#producers.get(producer), (to) => ({ type: 'request', to, ask: effect.ask, seat, producer }))
        }
        return
      case 'cancel':
        for (const seat of effect.seats) {
          const producer = effect.expected[seat]?.producer ?? 0
          const { ask, ending } = effect
          this.#tell(this.#producers.get(producer), (to) => ({ type: 'cancel', to, ask, ending }))
        }
        return
      case 'answered':
        return this.#tell(whose(effect.asker), (to) => ({ type: 'answered', to, answer: effect.answer }))
      case 'finished': {
        const asker = whose(effect.asker)
        this.#links.get(asker.link)?.asks.delete(asker.number)
        return this.#tell(asker, (to) => ({ type: 'finished', to, summary: effect.summary }))
      }
      case 'heard':
        return this.#heard(effect)
      case 'fenced': {
        this.#tell(this.#producers.get(effect.producer), (to) => ({ type: 'fenced', to }))
        this.#producers.delete(effect.producer)
        return
      }
      case 'refused':
        return this.#refused(effect)
    }
  }

  #heard({ reply, listeners }: Extract<HubEffect, { type: 'heard' }>): void {
    const topics = new Set(listeners.map((key) => this.#listeners.get(key)?.topic))
    for (const topic of topics) if (topic !== undefined) this.#replies.set(topic, this.repliesOn(topic) + 1)
    for (const key of listeners) {
      const listening = this.#listeners.get(key)
      if (listening === undefined) continue
      const { link, number: to, topic, dropped } = listening
      if (dropped > 0 && !this.#host.send(link, { type: 'gap', to, dropped }, true)) listening.dropped++
      else {
        const told = this.#host.send(link, { type: 'heard', to, reply, number: this.repliesOn(topic) }, true)
        listening.dropped = told ? 0 : 1
      }
    }
  }

  /** What is still to be said of dropped replies, once there is room. */
  flushGaps(): void {
    for (const listening of this.#listeners.values()) {
      const { link, number: to, dropped } = listening
      if (dropped > 0 && this.#host.send(link, { type: 'gap', to, dropped }, true)) listening.dropped = 0
    }
  }

  #refused({ what, key, asker }: Extract<HubEffect, { type: 'refused' }>): void {
    const from = what === 'ask' ? whose(asker) : (this.#producers.get(key) ?? this.#listeners.get(key))
    this.#tell(from, (to) => ({ type: 'denied', what, to }))
    this.#producers.delete(key)
    this.#listeners.delete(key)
  }

  #tell(whom: Whose | undefined, message: (to: number) => Down): void {
    if (whom?.link.serverOpen === true) this.#host.send(whom.link, message(whom.number), false)
  }
}

/** The hub hands back what it was given. */
const whose = (asker: unknown): Whose => asker as Whose
