import type { Listener } from '../../client/topic-listener.ts'
import type { Producer } from '../../client/topic-producer.ts'
import type { Random } from '../../core/random.ts'
import type { Millis } from '../../core/time.ts'
import { isCaucusError } from '../../errors.ts'
import type { RequestContext } from '../../ports/topics.ts'
import { pick } from '../simulation/conditions.ts'
import type { Bench } from './bench.ts'
import type { EventLoop } from './event-loop.ts'
import { BrokenPromise, DeliberateFailure, type ProgramContext } from './program.ts'
import { TopicAsker } from './topic-asker.ts'
import type { KnownProducer, TopicReply, TopicRequest } from './topic-facts.ts'
import { CHUNK_BYTES, EXPECTED, ROLL_CALL, TOPICS, type TopicDraws } from './topic-plans.ts'

const BUFFER = 4
/** An id that several take. */
const TWIN = 'twin'

/** What our programs do on topics, beside everything else: ask, answer and listen in every way that there is. */
export class TopicResident {
  readonly #context: ProgramContext
  readonly #bench: Bench
  readonly #loop: EventLoop
  readonly #draws: TopicDraws
  readonly #chance: Random
  readonly #who: string
  readonly #asker: TopicAsker

  constructor(context: ProgramContext, loop: EventLoop, bench: Bench, draws: TopicDraws, chance: Random) {
    this.#context = context
    this.#loop = loop
    this.#bench = bench
    this.#draws = draws
    this.#chance = chance
    this.#who = context.id
    this.#asker = new TopicAsker(context, loop, bench, draws, chance.fork('asks'))
  }

  async run(): Promise<void> {
    const loops = [this.#answers(), this.#asker.run(), this.#listens(), this.#hearsRoll()]
    await Promise.all(loops.map((loop) => this.#untilClosed(loop)))
  }

  /** A program of its own may close the connection, and everything on it ends. */
  async #untilClosed(loop: Promise<void>): Promise<void> {
    try {
      await loop
    } catch (error) {
      if (!this.#context.signal.aborted && !(isCaucusError(error) && error.code === 'CAUCUS_CLOSED')) throw error
    }
  }

  #sleep(ms: Millis): Promise<void> {
    const { clock, signal } = this.#context
    return clock.sleep(ms, { signal }).catch(() => undefined)
  }

  get #isOver(): boolean {
    return this.#context.signal.aborted
  }

  async #answers(): Promise<void> {
    const { id } = this.#context
    const { leaseMs } = this.#bench.conditions.timing
    const { topics } = this.#bench
    topics.roll.present(this.#loop, this.#produce(this.#known(ROLL_CALL, id)))
    while (!this.#isOver) {
      const chance = this.#chance
      const known = this.#known(pick(chance, TOPICS), chance.next() < 0.2 ? TWIN : `${id}-${chance.below(1e6)}`)
      const producer = this.#produce(known)
      await this.#sleep(leaseMs * 2 * chance.next())
      if (chance.next() < 0.5) producer.close()
      else await producer.drain({ limitMs: leaseMs * chance.next() })
      // Of those who share an id nobody here knows who has it.
      if (known.id !== TWIN) topics.gone(known)
    }
  }

  #known(topic: string, id: string): KnownProducer {
    return this.#bench.topics.produces(this.#who, this.#loop, id, topic, pick(this.#chance, [1, 1, 2]))
  }

  #produce(known: KnownProducer): Producer {
    const { caucus } = this.#context
    const { id, topic, concurrency } = known
    const chance = this.#chance
    const options = {
      id,
      concurrency,
      queueLimit: topic === ROLL_CALL ? 1_000 : pick(chance, [0, 2, 1_000]),
      metadata: { zone: chance.below(2) },
      ...(topic !== ROLL_CALL && chance.next() < 0.3 && { queue: 'q' }),
    }
    return caucus
      .topic<TopicRequest, unknown>(topic)
      .produce((request, context) => this.#serve(known, request, context), options)
  }

  async #serve(known: KnownProducer, { token, want }: TopicRequest, context: RequestContext): Promise<unknown> {
    const { topics } = this.#bench
    const { remainingMs, signal } = context
    topics.serves(known, token, remainingMs)
    try {
      // Of those who are asked the same some answer and others never would.
      if (want === 'endless' || (want === 'mixed' && known.key % 2 === 0))
        return await this.#endless(known, token, signal, remainingMs)
      await this.#context.clock.sleep(this.#draws.askEveryMs * 0.5 * this.#chance.next() ** 3)
      if (want === 'failure') throw new DeliberateFailure('this handler fails on purpose')
      if (want === 'stream') return this.#source(known, token)
      return topics.gives(known, token)
    } finally {
      known.running--
    }
  }

  /** Works until it is told that nobody waits for it any more. */
  async #endless(known: KnownProducer, token: string, signal: AbortSignal, remainingMs: Millis): Promise<unknown> {
    const beganAt = this.#loop.grantor.now()
    const { stops } = this.#loop
    await new Promise<void>((resume) => {
      if (signal.aborted) resume()
      else signal.addEventListener('abort', () => resume(), { once: true })
    })
    const afterMs = this.#loop.grantor.now() - beganAt
    if (this.#loop.stops === stops) this.#bench.topics.calledOff(known, token, afterMs, remainingMs)
    return this.#bench.topics.gives(known, token)
  }

  /** A reply in pieces: as many bytes as anybody can check. */
  async *#source(known: KnownProducer, token: string): AsyncGenerator<Uint8Array> {
    const chunks = 1 + this.#chance.below(40)
    const stream = this.#bench.topics.streams.begins(known, token, chunks * CHUNK_BYTES)
    try {
      for (let chunk = 0; chunk < chunks; chunk++) {
        stream.sent(CHUNK_BYTES)
        yield new Uint8Array(CHUNK_BYTES).fill(chunk)
      }
    } finally {
      stream.ended()
    }
  }

  /** Slow, with a small buffer: what is missed is counted, and no more than that waits. */
  async #listens(): Promise<void> {
    const { caucus } = this.#context
    while (!this.#isOver) {
      const listener = caucus.topic<TopicRequest, TopicReply>(pick(this.#chance, TOPICS)).listen({ buffer: BUFFER })
      try {
        await this.#hears(listener)
      } catch (error) {
        if (!isCaucusError(error) || !EXPECTED.has(error.code)) throw error
      }
      await this.#sleep(this.#bench.conditions.timing.leaseMs * this.#chance.next())
    }
  }

  /** Never slow, and as long as the process is there. */
  async #hearsRoll(): Promise<void> {
    const { topics } = this.#bench
    const listener = this.#context.caucus.topic<TopicRequest, TopicReply>(ROLL_CALL).listen()
    topics.roll.listens(this.#loop, true)
    try {
      for await (const heard of listener) {
        topics.roll.hears(this.#loop, heard.type === 'reply' ? heard.value.token : undefined)
        if (heard.type === 'reply') topics.heard(this.#who, heard)
      }
    } catch (error) {
      if (!isCaucusError(error) || !EXPECTED.has(error.code)) throw error
    } finally {
      topics.roll.listens(this.#loop, false)
    }
  }

  async #hears(listener: Listener<TopicReply>): Promise<void> {
    const { timeline, topics } = this.#bench
    let entry = -1
    let atOnce = 0
    for await (const heard of listener) {
      atOnce = timeline.entries === entry ? atOnce + 1 : 1
      entry = timeline.entries
      if (atOnce > BUFFER + 2) throw new BrokenPromise('U4', `${atOnce} replies waited in a buffer of ${BUFFER}`)
      if (heard.type === 'reply' && !isStream(heard.value)) topics.heard(this.#who, heard)
      if (this.#chance.next() < 0.2) await this.#sleep(20 * this.#draws.askEveryMs * this.#chance.next())
      if (this.#isOver || this.#chance.next() < 0.01) return
    }
  }
}

const isStream = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value
