import type { Moved } from '../../client/share.ts'
import type { Millis } from '../../core/time.ts'
import { isCaucusError } from '../../errors.ts'
import { pick } from '../simulation/conditions.ts'
import type { Bench, ClusterConditions } from './bench.ts'
import { BrokenPromise, DeliberateFailure, type Handlers, type Program, type ProgramContext } from './program.ts'
import type { TopicDraws } from './topic-plans.ts'
import { TopicResident } from './topic-residents.ts'

/** What is done from inside a handler or a loop, where it is least expected. */
const SURPRISES = ['nothing', 'nothing', 'nothing', 'metadata', 'leave', 'close', 'join', 'dispose'] as const

/** By key and not by partition: a coordinator may come back with another number of those. */
const KEYS = Array.from({ length: 16 }, (_, number) => `key-${number}`)

/** How many events wait for the slow reader. */
const BUFFER = 1

/**
 * The programs that are run when nobody gives one: they keep every rule of docs/guarantees.md, and use the SDK in every way and from
 * every place that it allows. So whatever is found with them is a fault of ours.
 */
export const residents = (bench: Bench, calm: boolean, topics: TopicDraws | undefined): Handlers => {
  const { conditions } = bench
  const random = bench.random.fork('residents')
  const drainMs = conditions.timing.drainLimitMs * pick(random, [0.01, 0.3, 2])
  const draws: Draws = {
    drains: random.next() < 0.8,
    drainMs,
    fails: !calm && random.next() < 0.15,
    surprises: !calm && random.next() < 0.5,
    wanders: !calm && random.next() < 0.4,
    pieceMs: Math.min(conditions.timing.stopMarginMs, conditions.timing.leaseMs / 5) * 0.5,
  }
  let programs = 0
  return (context) => {
    const loop = bench.topics.loopOf(context.membership)
    const chance = bench.random.fork(`topics of ${context.id} ${++programs}`)
    const onTopics = loop && topics && new TopicResident(context, loop, bench, topics, chance)
    return new Resident(context, bench, draws, onTopics).program()
  }
}

interface Draws {
  readonly drains: boolean
  readonly drainMs: Millis
  readonly fails: boolean
  readonly surprises: boolean
  readonly wanders: boolean
  readonly pieceMs: Millis
}

class Resident {
  readonly #context: ProgramContext
  readonly #bench: Bench
  readonly #conditions: ClusterConditions
  readonly #draws: Draws
  readonly #topics: TopicResident | undefined
  /** Pieces of work that have begun, by key. */
  readonly #running = new Map<string, Promise<void>>()

  constructor(context: ProgramContext, bench: Bench, draws: Draws, topics: TopicResident | undefined) {
    this.#topics = topics
    this.#context = context
    this.#bench = bench
    this.#conditions = bench.conditions
    this.#draws = draws
  }

  program(): Program {
    return {
      onRevoke: this.#draws.drains ? (moved, { signal }) => this.#drain(moved, signal) : undefined,
      run: () => this.#run(),
    }
  }

  /** Works on what moves until it is done, or until it is told that it may not any more; and finishes pieces that have begun. */
  async #drain(moved: Moved, signal: AbortSignal): Promise<void> {
    const { work, clock, random } = this.#context
    const claims = KEYS.filter((key) => moved.owns(key)).map((key) => work(key))
    const end = () => {
      for (const claim of claims) claim.end()
    }
    signal.addEventListener('abort', end, { once: true })
    let failed = false
    try {
      await this.#surprise()
      await Promise.all([...this.#running].filter(([key]) => moved.owns(key)).map(([, piece]) => piece))
      if (this.#draws.fails && random() < 0.3) throw new DeliberateFailure('this drain fails on purpose')
      await clock.sleep(this.#draws.drainMs * random(), { signal })
    } catch (error) {
      // Told to stop: what is left of it is somebody else's. Whoever fails goes on until its lease ends, and is told then.
      failed = !signal.aborted
      if (failed) throw error
    } finally {
      if (!failed) {
        end()
        signal.removeEventListener('abort', end)
      }
    }
  }

  async #run(): Promise<void> {
    const topics = this.#topics?.run()
    await Promise.all([this.#watch(), this.#listen(), this.#settles(), this.#works(), this.#wander(), topics])
  }

  async #watch(): Promise<void> {
    const { membership, random } = this.#context
    for await (const share of membership.watch()) {
      if (random() < 0.05) await this.#surprise()
      if (share.state === 'settled' && random() < 0.05) membership.setMetadata({ seen: share.members })
    }
  }

  /** Slow, with a small buffer: what is missed is counted, and no more than that waits. */
  async #listen(): Promise<void> {
    const { membership, clock, signal, random } = this.#context
    const { timeline } = this.#bench
    let entry = -1
    let atOnce = 0
    for await (const _event of membership.events({ buffer: BUFFER })) {
      atOnce = timeline.entries === entry ? atOnce + 1 : 1
      entry = timeline.entries
      // One may have been on its way already, and one stands for those that are missing.
      if (atOnce > BUFFER + 2) throw new BrokenPromise('U4', `${atOnce} events waited in a buffer of ${BUFFER}`)
      const ms = 50 * this.#conditions.timing.leaseMs * random()
      if (random() < 0.3) await clock.sleep(ms, { signal }).catch(() => undefined)
    }
  }

  /** Asks to be told when the group is settled, and for no longer than a while. */
  async #settles(): Promise<void> {
    const { membership, clock, signal, random } = this.#context
    const { leaseMs } = this.#conditions.timing
    while (!signal.aborted && membership.state === 'member') {
      try {
        await membership.settled({ timeoutMs: leaseMs * random(), signal })
      } catch (error) {
        if (!signal.aborted && !isCaucusError(error)) throw error
      }
      await clock.sleep(leaseMs * (0.2 + random()), { signal }).catch(() => undefined)
    }
  }

  /** One piece after the other, each no longer than the stop margin covers, each asked for right before it begins. */
  async #works(): Promise<void> {
    const { membership, clock, signal, random, store } = this.#context
    const { timing } = this.#conditions
    // What nobody waits for when it moves may not be under way then.
    if (!this.#draws.drains) return
    while (!signal.aborted && membership.state === 'member') {
      for (const key of KEYS) {
        const token = random() < 0.8 ? undefined : membership.token(key)
        if (token === undefined || this.#running.has(key)) continue
        this.#running.set(key, this.#piece(key, token))
        if (random() < 0.1) void store.write(key, random(), token)
      }
      await clock.sleep(timing.heartbeatMs * (0.2 + random()), { signal }).catch(() => undefined)
    }
  }

  async #piece(key: string, token: number): Promise<void> {
    const { work, clock, random } = this.#context
    const claim = work(key, token)
    await clock.sleep(this.#draws.pieceMs * random())
    claim.end()
    this.#running.delete(key)
  }

  /** Another group on the same connection, and questions about groups over HTTP. */
  async #wander(): Promise<void> {
    const { caucus, clock, signal, random, id } = this.#context
    if (!this.#draws.wanders || random() < 0.5) return
    try {
      const other = await caucus.group('other').join({ id, signal })
      await clock.sleep(this.#conditions.timing.leaseMs * random() * 3, { signal })
      await caucus.group(this.#conditions.group).view({ signal })
      await other.leave({ signal })
    } catch (error) {
      if (!signal.aborted && !isCaucusError(error)) throw error
    }
  }

  async #surprise(): Promise<void> {
    const { membership, caucus, random, id } = this.#context
    if (!this.#draws.surprises || random() < 0.7) return
    switch (SURPRISES[Math.floor(random() * SURPRISES.length)]) {
      case 'metadata':
        return membership.setMetadata({ drawn: random() })
      case 'leave':
        return void membership.leave()
      case 'close':
        // Without a drain: so not while a piece is under way.
        if (this.#running.size === 0) membership.close()
        return
      case 'dispose':
        return void caucus.close()
      case 'join':
        // It may be refused, or called off when the connection is closed: either is right.
        caucus
          .group('third')
          .join({ id })
          .then((third) => third.leave())
          .catch(() => undefined)
    }
  }
}
