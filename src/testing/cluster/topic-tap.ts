import type { TopicsDown, TopicsUp } from '../../core/dispatch/link-messages.ts'
import type { Summary } from '../../core/dispatch/messages.ts'
import type { Millis } from '../../core/time.ts'
import type { HostedTopics, TopicsHosting, TopicsLink } from '../../ports/topics-hosting.ts'
import { COORDINATOR } from './network.ts'
import {
  type Listening,
  type Registered,
  type TappedAsk,
  TopicWitness,
  type WitnessedLink,
  type WitnessOptions,
} from './topic-witness.ts'

type Message<Type extends string> = Extract<TopicsUp | TopicsDown, { type: Type }>

const SLACK_MS: Millis = 1

/**
 * Topics as they are hosted, with somebody between them and the links who holds what goes in against what comes out: P1, P2, P5, P6, the
 * accounting, who has left, and what listeners hear. Neither side notices.
 */
export const tapped = (hosting: TopicsHosting, options: WitnessOptions): TopicsHosting => {
  const tap = new TopicWitness(options)
  const attach = (link: TopicsLink) => new TappedLink(tap, link).attach(hosting)
  return new Proxy(hosting, {
    get: (target, name) => {
      if (name === 'attach') return attach
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

class TappedLink implements TopicsLink, WitnessedLink {
  /** Numbered anew for each server: two runs in one process must be alike. */
  readonly name: string
  readonly producers = new Map<number, Registered & { readonly queue: string | undefined }>()
  readonly asks = new Map<number, TappedAsk>()
  readonly listeners = new Map<number, Listening>()
  /** Those that have not been answered, with whom they are for. */
  readonly requests = new Map<number, Registered>()
  readonly #tap: TopicWitness
  readonly #link: TopicsLink
  /** Those that have gone, too. */
  readonly #known = new Map<number, Registered>()

  constructor(tap: TopicWitness, link: TopicsLink) {
    this.#tap = tap
    this.#link = link
    this.name = `link#${++tap.names}`
    tap.links.add(this)
  }

  attach(hosting: TopicsHosting): HostedTopics {
    const hosted = hosting.attach(this)
    return {
      review: (faultOf) => hosted.review(faultOf),
      receive: (messages) => {
        for (const message of messages) this.#said(message)
        hosted.receive(messages)
        for (const message of messages) this.#judgeDeserted(message)
        this.#tap.dismissed.clear()
        this.#tap.judgeTables(hosting)
      },
      close: () => {
        this.#tap.links.delete(this)
        for (const producer of this.producers.values()) this.#tap.leaves(producer)
        this.producers.clear()
        hosted.close()
        this.#tap.judgeTables(hosting)
      },
    }
  }

  get bufferedBytes(): number {
    return this.#link.bufferedBytes
  }

  fault(why: string): void {
    this.#tap.options.findings.add('core', COORDINATOR, `a process of ours is refused as no process of ours: ${why}`)
    this.#link.fault(why)
  }

  deliver(message: TopicsDown): void {
    this.#told(message)
    this.#link.deliver(message)
  }

  /** Nothing is expected of it any more. */
  release(producer: Registered): void {
    for (const [request, whose] of this.requests) if (whose === producer) this.requests.delete(request)
  }

  #said(message: TopicsUp): void {
    switch (message.type) {
      case 'reply':
      case 'fail':
        this.requests.delete(message.request)
        return
      case 'produce': {
        const { producer, topic, id, queue } = message
        this.#tap.fenced(topic, id)
        const registered = { topic, id, queue, isAsked: true }
        this.producers.set(producer, registered)
        this.#known.set(producer, registered)
        return
      }
      case 'withdraw': {
        const producer = this.producers.get(message.producer)
        if (producer === undefined) return
        producer.isAsked = false
        this.#tap.dismissed.add(producer)
        return
      }
      case 'leave': {
        const producer = this.producers.get(message.producer)
        if (producer === undefined) return
        this.producers.delete(message.producer)
        producer.isAsked = false
        this.release(producer)
        return this.#tap.leaves(producer)
      }
      case 'listen':
        this.listeners.set(message.listener, {
          topic: message.topic,
          from: this.#tap.repliesOn(message.topic).length,
          at: undefined,
        })
        return
      case 'unlisten':
        this.listeners.delete(message.listener)
        return
      case 'ask': {
        const { ask, topic, to, withinMs } = message
        const { loop } = this.#tap.options
        const present = this.#tap.present(topic)
        const known = { topic, isForAll: to === undefined, withinMs, beganAt: this.#tap.now(), stops: loop.stops }
        this.asks.set(ask, { ...known, present, replied: 0, failed: 0 })
        return
      }
      case 'abandon':
        // It may have ended meanwhile.
        return
    }
  }

  /** P6: who asks where nobody is has the end of it in the same step. */
  #judgeDeserted(message: TopicsUp): void {
    if (message.type !== 'ask') return
    const ask = this.asks.get(message.ask)
    this.#tap.must(ask === undefined || ask.present.all > 0, 'P6', () => {
      return `${this.name} asks on ${message.topic}, where nobody is, and it goes on`
    })
  }

  #told(message: TopicsDown): void {
    switch (message.type) {
      case 'denied':
        if (message.what === 'ask') this.#ask(message.key, 'denied')
        else if (message.what === 'listener') this.listeners.delete(message.key)
        else this.producers.delete(message.key)
        if (message.what === 'ask') this.asks.delete(message.key)
        return
      case 'answered': {
        const ask = this.#ask(message.ask, 'answered')
        if (ask === undefined) return
        ask.replied++
        this.#tap.repliesOn(ask.topic).push(message.payload)
        return
      }
      case 'failed': {
        const ask = this.#ask(message.ask, 'failed')
        if (ask !== undefined) ask.failed++
        return
      }
      case 'finished': {
        const ask = this.#ask(message.ask, 'finished')
        this.asks.delete(message.ask)
        if (ask !== undefined) this.#judge(message.ask, ask, message.summary)
        return
      }
      case 'request': {
        const producer = this.#known.get(message.producer)
        const takes = producer !== undefined && (producer.isAsked || this.#tap.dismissed.has(producer))
        this.#tap.must(takes, 'P3', () => {
          return `${this.name} is given a request for its producer ${message.producer}, which takes none`
        })
        // One that is leaving in this very frame is asked for nothing.
        if (producer !== undefined && this.producers.has(message.producer)) {
          this.requests.set(message.request, producer)
        }
        return
      }
      case 'cancel':
        this.requests.delete(message.request)
        return
      case 'heard':
      case 'gap':
        return this.#heard(message)
    }
  }

  /** P2: nothing about an ask follows its end. */
  #ask(number: number, what: string): TappedAsk | undefined {
    const ask = this.asks.get(number)
    this.#tap.must(ask !== undefined, 'P2', () => `${this.name} is told of ask ${number}, which is over: ${what}`)
    return ask
  }

  #judge(number: number, ask: TappedAsk, summary: Summary): void {
    const { expected, replied, errors, missing, released, left, ending } = summary
    const which = () => `ask ${number} of ${this.name}`
    const sum = replied + errors + missing.length + released.length
    this.#tap.must(sum === expected && replied === ask.replied && errors === ask.failed, 'Count', () => {
      return `${which()} was given ${ask.replied} replies and ${ask.failed} errors, and ends with ${JSON.stringify(summary)}`
    })
    const { all, single } = ask.present
    // Of those with a queue one at least is among them.
    const least = single + (all > single ? 1 : 0)
    this.#tap.must(!ask.isForAll || (expected >= least && expected <= all), 'Roster', () => {
      return `${which()} expected ${expected}, and there were ${all}, ${all - single} of them in queues`
    })
    const stays = left.find((id) => !((this.#tap.left.get(`${ask.topic} ${id}`) ?? -1) >= ask.beganAt))
    this.#tap.must(stays === undefined, 'Truth', () => `${which()} says that ${stays} has left, who has not`)
    const { loop, lateMs } = this.#tap.options
    const tookMs = this.#tap.now() - ask.beganAt
    this.#tap.must(tookMs <= ask.withinMs + lateMs + SLACK_MS || ask.stops !== loop.stops, 'P5', () => {
      return `${which()} had ${ask.withinMs} ms, and ended as ${ending} after ${tookMs} ms`
    })
  }

  /** In the order of arrival, and all of them, but for those that it is told to have missed. */
  #heard(message: Message<'heard'> | Message<'gap'>): void {
    const listening = this.listeners.get(message.listener)
    this.#tap.must(listening !== undefined, 'Heard', () => `${this.name} hears what it does not listen to`)
    if (listening === undefined) return
    if (message.type === 'gap') {
      if (listening.at !== undefined) listening.at += message.dropped
      return
    }
    const { from, at } = listening
    const replies = this.#tap.repliesOn(listening.topic)
    const found = at ?? replies.indexOf(message.payload, from)
    this.#tap.must(found >= 0 && replies[found] === message.payload, 'Heard', () => {
      return `${this.name} hears a reply on ${listening.topic} that is not number ${found} of ${replies.length}`
    })
    listening.at = found + 1
  }
}
