import type { StandardSchema } from '../../client/topic-schema.ts'
import type { Answer, Target, Until } from '../../core/dispatch/messages.ts'
import type { Random } from '../../core/random.ts'
import type { Millis } from '../../core/time.ts'
import { isCaucusError } from '../../errors.ts'
import { pick } from '../simulation/conditions.ts'
import type { Bench } from './bench.ts'
import type { EventLoop } from './event-loop.ts'
import type { ProgramContext } from './program.ts'
import type { KnownAsk, TopicReply, TopicRequest } from './topic-facts.ts'
import { CHUNK_BYTES, cannotAsk, DESERTED, EXPECTED, TOPICS, type TopicDraws } from './topic-plans.ts'

const LAST_WITHIN_MS: Millis = 600_000

/** A reply schema as a careful program has it; it also makes the asker's own process judge. */
const SCHEMA: StandardSchema<TopicReply> = {
  '~standard': {
    version: 1,
    vendor: 'simulated',
    validate: (value) =>
      typeof (value as Partial<TopicReply> | undefined)?.token === 'string'
        ? { value: value as TopicReply }
        : { issues: [{ message: 'it has no token' }] },
  },
}

/** Asks in every way that there is, again and again, as long as its process runs. */
export class TopicAsker {
  readonly #context: ProgramContext
  readonly #bench: Bench
  readonly #loop: EventLoop
  readonly #draws: TopicDraws
  readonly #chance: Random
  readonly #who: string

  constructor(context: ProgramContext, loop: EventLoop, bench: Bench, draws: TopicDraws, chance: Random) {
    this.#context = context
    this.#loop = loop
    this.#bench = bench
    this.#draws = draws
    this.#chance = chance
    this.#who = context.id
  }

  #sleep(ms: Millis): Promise<void> {
    const { clock, signal } = this.#context
    return clock.sleep(ms, { signal }).catch(() => undefined)
  }

  get #isOver(): boolean {
    return this.#context.signal.aborted
  }

  async run(): Promise<void> {
    while (!this.#isOver) {
      await this.#sleep(this.#draws.askEveryMs * 2 * this.#chance.next())
      if (!this.#isOver) await this.#ask()
    }
    // Whoever closes its connection waits for no answer.
    if (this.#chance.next() < 0.3) await this.#lastAsk()
  }

  async #lastAsk(): Promise<void> {
    const { caucus, id } = this.#context
    const withinMs = LAST_WITHIN_MS
    const topic = pick(this.#chance, TOPICS)
    const ask = this.#bench.topics.asks(id, this.#loop, topic, withinMs)
    try {
      await caucus.topic<TopicRequest>(topic).gather({ token: ask.token, want: 'endless' }, { withinMs })
    } catch (error) {
      if (!cannotAsk(error)) throw error
    } finally {
      this.#bench.topics.ended(ask)
    }
  }

  async #ask(): Promise<void> {
    const { id } = this.#context
    const chance = this.#chance
    const withinMs = this.#draws.askEveryMs * pick(chance, [0.2, 1, 5])
    const topic = chance.next() < 0.1 ? DESERTED : pick(chance, TOPICS)
    const ask = this.#bench.topics.asks(id, this.#loop, topic, withinMs)
    try {
      if (this.#draws.streams && chance.next() < 0.3) await this.#readStreams(ask, topic)
      else if (chance.next() < 0.5) await this.#gather(ask, topic)
      else await this.#loopOver(ask, topic)
    } catch (error) {
      if (!isCaucusError(error)) throw error
      if (!EXPECTED.has(error.code)) throw error
    } finally {
      this.#bench.topics.ended(ask)
    }
  }

  #options(withinMs: Millis): { until: Until; withinMs: Millis; to?: Target } {
    const chance = this.#chance
    const until = pick<Until>(chance, ['all', 'all', 'first', 2, { quiet: withinMs * 0.3 }])
    const to = pick<Target | undefined>(chance, [undefined, undefined, { pick: 1 }, { metadata: { zone: 1 } }])
    return { until, withinMs, ...(to !== undefined && { to }) }
  }

  #request(token: string): TopicRequest {
    const wants: TopicRequest['want'][] = ['value', 'value', 'value', 'failure']
    if (this.#draws.endless) wants.push('endless', 'mixed', 'mixed')
    return { token, want: pick(this.#chance, wants) }
  }

  async #gather(ask: KnownAsk, topic: string): Promise<void> {
    const { caucus, signal } = this.#context
    const schemas = this.#chance.next() < 0.4 ? { reply: SCHEMA } : {}
    const asking = caucus.topic<TopicRequest, TopicReply>(topic, schemas)
    const options = { ...this.#options(ask.withinMs), ...(this.#chance.next() < 0.2 && { signal }) }
    const { replies, errors, ...gathered } = await asking.gather(this.#request(ask.token), options)
    const summary = { ...gathered, replied: replies.length, errors: errors.length, refused: 0 }
    this.#bench.topics.judge(ask, [...replies, ...errors], summary)
  }

  async #loopOver(ask: KnownAsk, topic: string): Promise<void> {
    const asking = this.#context.caucus
      .topic<TopicRequest, TopicReply>(topic)
      .ask(this.#request(ask.token), this.#options(ask.withinMs))
    const answers: Answer[] = []
    for await (const answer of asking) {
      answers.push(answer)
      // Whoever has enough calls the others off.
      if (this.#chance.next() < 0.05) return
    }
    if (asking.summary !== undefined) this.#bench.topics.judge(ask, answers, asking.summary)
  }

  async #readStreams(ask: KnownAsk, topic: string): Promise<void> {
    const { token, withinMs } = ask
    const asking = this.#context.caucus
      .topic<TopicRequest, AsyncIterable<Uint8Array>>(topic)
      .ask({ token, want: 'stream' }, { until: 'first', withinMs, to: { pick: 1 } })
    let stream: AsyncIterable<Uint8Array> | undefined
    for await (const answer of asking) if (answer.type === 'reply') stream = answer.value
    // The ask is over; its reply is only beginning.
    this.#bench.topics.ended(ask)
    if (stream !== undefined) await this.#read(token, stream)
  }

  async #read(token: string, stream: AsyncIterable<Uint8Array>): Promise<void> {
    const { topics } = this.#bench
    let bytes = 0
    let waitsMs = this.#loop.grantor.now()
    const waited = () => topics.waited(this.#who, token, this.#loop.grantor.now() - waitsMs)
    try {
      for await (const chunk of stream) {
        waited()
        this.#check(token, chunk, bytes)
        bytes += chunk.length
        topics.streams.read(token, chunk.length)
        if (this.#chance.next() < 0.02) return
        if (this.#chance.next() < 0.1) await this.#sleep(this.#draws.askEveryMs * this.#chance.next())
        waitsMs = this.#loop.grantor.now()
      }
      topics.streams.readAll(this.#who, token)
    } finally {
      waited()
    }
  }

  #check(token: string, chunk: Uint8Array, from: number): void {
    for (let at = 0; at < chunk.length; at += 1_000) {
      const due = Math.floor((from + at) / CHUNK_BYTES) % 256
      if (chunk[at] === due) continue
      const what = `byte ${from + at} of the stream to ${token} is ${chunk[at]}, not ${due}`
      return this.#bench.topics.broken('Truth', this.#who, what)
    }
  }
}
