import { GRACE_MS } from '../../backends/remote/topics/ask.ts'
import type { Membership } from '../../client/membership.ts'
import type { Answer, Reply, Summary } from '../../core/dispatch/messages.ts'
import type { Millis } from '../../core/time.ts'
import type { EventLoop } from './event-loop.ts'
import { RollBook } from './roll-book.ts'
import { StreamBook } from './stream-book.ts'
import type { Timeline } from './timeline.ts'
import type { KnownAsk, KnownProducer, TopicReply } from './topic-facts.ts'
import { type ClusterInvariant, type Findings, msText } from './violation.ts'

/** What of a cluster's conditions matters here. */
export interface TopicConditions {
  readonly lateMs: Millis
  readonly delayMs: Millis
  readonly drift: number
}

/** A process reads what it was sent, and runs what is due: in simulated time that is an instant, but for what the clocks round. */
const SLACK_MS: Millis = 5
/** A source of ours never makes its reader wait, and the server looks at least this often whether a stream may go on. */
const LONGEST_WAIT_MS: Millis = 20_000

/** What programs ask, answer and hear on topics: whatever the SDK tells one of them must be what another one did. */
export class TopicBook {
  readonly #timeline: Timeline
  readonly #findings: Findings
  readonly #lateMs: Millis
  readonly #drift: number
  /** What a message may take from one process to another over the server, where nothing is in its way. */
  readonly #promptMs: Millis
  /** Nothing goes wrong in this run: what takes long is wrong. */
  isQuiet = false
  readonly streams: StreamBook
  readonly roll = new RollBook()
  readonly #asks = new Set<KnownAsk>()
  /** Replies that a handler gave, by token and registration, with whose they are. */
  readonly #replies = new Map<string, string>()
  readonly #limits = new Map<string, Millis>()
  /** When asks ended, in real time, by token. */
  readonly #ended = new Map<string, Millis>()
  /** The latest registration under each topic and id, and until when it was there. */
  readonly #latest = new Map<string, { readonly key: number; untilMs: Millis }>()
  readonly #loops = new WeakMap<Membership, EventLoop>()
  #keys = 0

  constructor(timeline: Timeline, findings: Findings, { lateMs, delayMs, drift }: TopicConditions) {
    this.#timeline = timeline
    this.#findings = findings
    this.#lateMs = lateMs
    this.#drift = drift
    this.#promptMs = 20 * delayMs + 4 * lateMs + SLACK_MS
    this.streams = new StreamBook((invariant, who, message) => this.#broken(invariant, who, message))
  }

  /** The process of this membership: programs do not know theirs. */
  begins(membership: Membership, loop: EventLoop): void {
    this.#loops.set(membership, loop)
  }

  loopOf(membership: Membership): EventLoop | undefined {
    return this.#loops.get(membership)
  }

  asks(who: string, loop: EventLoop, topic: string, withinMs: Millis): KnownAsk {
    const token = `${who}/${++this.#keys}`
    const began = { beganMs: this.#timeline.nowMs, beganAt: loop.grantor.now(), stops: loop.stops }
    const ask = { token, topic, who, loop, withinMs, ...began }
    this.#asks.add(ask)
    this.#limits.set(token, withinMs)
    return ask
  }

  /** It has ended, in whatever way: P5. */
  ended(ask: KnownAsk): void {
    if (!this.#asks.delete(ask)) return
    this.#ended.set(ask.token, this.#timeline.nowMs)
    const tookMs = ask.loop.grantor.now() - ask.beganAt
    const mostMs = ask.withinMs + GRACE_MS + 2 * this.#lateMs + SLACK_MS
    // Whoever stood still reads its clock before it reads what had come.
    if (tookMs <= mostMs || ask.stops !== ask.loop.stops) return
    this.#broken(
      'P5',
      ask.who,
      `ask ${ask.token} ended ${msText(tookMs)} after it began, with a limit of ${msText(ask.withinMs)}`,
    )
  }

  /** P3, the accounting, and whether each reply is one that was given. */
  judge(ask: KnownAsk, answers: readonly Answer[], summary: Summary): void {
    const { token, who } = ask
    const senders = answers.map(({ from }) => from)
    if (new Set(senders).size < senders.length)
      this.#broken('P3', who, `ask ${token} has two answers of one of ${senders}`)
    for (const answer of answers) if (answer.type === 'reply') this.heard(who, answer, token)
    const replied = answers.filter(({ type }) => type === 'reply').length
    const { expected, replied: said, errors, missing, left, released, ending, code } = summary
    const sum = said + errors + missing.length + released.length
    if (sum !== expected || said !== replied || errors !== answers.length - replied) {
      this.#broken(
        'Count',
        who,
        `ask ${token} heard ${replied} of ${answers.length} as replies, and ended with ${JSON.stringify(summary)}`,
      )
    }
    const both = [...missing, ...released].find((id) => senders.includes(id))
    if (both !== undefined)
      this.#broken('Truth', who, `ask ${token} has an answer of ${both}, who is said to have given none`)
    if (left.some((id) => !missing.includes(id)))
      this.#broken('Truth', who, `ask ${token}: ${left} have left, and only ${missing} are missing`)
    const gone = this.isQuiet && missing.find((id) => this.#wasGone(ask, id))
    if (gone) this.#broken('Roster', who, `ask ${token} waited for ${gone}, who had gone before`)
    const tookMs = ask.loop.grantor.now() - ask.beganAt
    // While a machine sleeps its clock stands still.
    const isAwake = ask.stops === ask.loop.stops
    if (ending === 'timeout' && isAwake && tookMs < ask.withinMs * (1 - 2.5 * this.#drift) - SLACK_MS) {
      this.#broken('Truth', who, `ask ${token} is told after ${msText(tookMs)} that ${msText(ask.withinMs)} are over`)
    }
    const isNobody = expected === 0
    if (isNobody !== (ending === 'nobody') || isNobody !== (code === 'CAUCUS_NO_RESPONDERS')) {
      this.#broken('P6', who, `ask ${token} expected ${expected}, and ended as ${ending} with ${code}`)
    }
  }

  #wasGone({ topic, beganMs }: KnownAsk, id: string): boolean {
    const untilMs = this.#latest.get(`${topic} ${id}`)?.untilMs
    return untilMs !== undefined && untilMs + this.#promptMs < beganMs
  }

  /** A reply that somebody is told of. Without a token: of anybody's ask. */
  heard(who: string, { from, value }: Reply, token?: string): void {
    const { token: said, by } = (value ?? {}) as Partial<TopicReply>
    const giver = this.#replies.get(`${said} by ${by}`)
    if (giver !== from)
      this.#broken(
        'Truth',
        who,
        `${who} is told that ${from} replied ${JSON.stringify(value)}; that was ${giver ?? 'nobody'}`,
      )
    if (token !== undefined && token !== said) this.#broken('Truth', who, `ask ${token} is given a reply to ${said}`)
  }

  produces(who: string, loop: EventLoop, id: string, topic: string, concurrency: number): KnownProducer {
    const key = ++this.#keys
    this.#latest.set(`${topic} ${id}`, { key, untilMs: Number.POSITIVE_INFINITY })
    return { key, who, id, topic, concurrency, loop, given: new Set(), running: 0 }
  }

  /** It has been closed, or has ended its drain. */
  gone({ key, topic, id }: KnownProducer): void {
    const latest = this.#latest.get(`${topic} ${id}`)
    if (latest?.key === key) latest.untilMs = this.#timeline.nowMs
  }

  /** A handler is called. */
  serves(producer: KnownProducer, token: string, remainingMs: Millis): void {
    const { who, id, given, concurrency } = producer
    const withinMs = this.#limits.get(token) ?? 0
    if (remainingMs > withinMs * (1 + 2.5 * this.#drift) + SLACK_MS) {
      this.#broken(
        'Truth',
        who,
        `${id} of ${who} is told to have ${msText(remainingMs)} for ask ${token}, whose limit is ${msText(withinMs)}`,
      )
    }
    if (given.has(token)) this.#broken('P3', who, `${id} of ${who} is given ask ${token} twice`)
    given.add(token)
    if (++producer.running > concurrency) {
      this.#broken(
        'Turn',
        who,
        `${id} of ${who} works on ${producer.running} requests at a time; it may on ${concurrency}`,
      )
    }
  }

  /** A handler gives this. */
  gives({ key, id }: KnownProducer, token: string): TopicReply {
    this.#replies.set(`${token} by ${key}`, id)
    return { token, by: key }
  }

  /** A handler that waited for its signal is told that nobody waits for it: `afterMs` after it had `remainingMs` left. */
  calledOff({ who, id }: KnownProducer, token: string, afterMs: Millis, remainingMs: Millis): void {
    const endedMs = this.#ended.get(token)
    if (this.isQuiet && endedMs !== undefined && endedMs + this.#promptMs < this.#timeline.nowMs) {
      this.#broken('Turn', who, `${id} of ${who} was told long after its end that ask ${token} is over`)
    }
    if (afterMs <= remainingMs + 2 * this.#lateMs + SLACK_MS) return
    this.#broken(
      'Turn',
      who,
      `${id} of ${who} had ${msText(remainingMs)} for ask ${token}, and was called off after ${msText(afterMs)}`,
    )
  }

  /** Whoever reads a streamed reply waited so long for the next piece, or for the end. */
  waited(who: string, token: string, waitedMs: Millis): void {
    if (!this.isQuiet || waitedMs <= LONGEST_WAIT_MS + this.#promptMs) return
    this.#broken('P1', who, `${who} waited ${msText(waitedMs)} for the reply to ${token} to go on or to end`)
  }

  broken(invariant: ClusterInvariant, who: string, message: string): void {
    this.#broken(invariant, who, message)
  }

  /** Everything has been closed: nothing may still wait. P1. */
  close(): void {
    for (const { token, who, loop } of this.#asks) {
      if (loop.state !== 'over') this.#broken('P1', who, `ask ${token} has not ended, and never will`)
    }
    this.#asks.clear()
    this.streams.close()
  }

  #broken(invariant: ClusterInvariant, who: string, message: string): void {
    this.#findings.add(invariant, who, message, this.#timeline.nowMs)
  }
}
