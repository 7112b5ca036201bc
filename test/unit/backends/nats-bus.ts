import type { Cable, CableSink, Came, Subscription } from '../../../src/backends/nats/cable.ts'
import { NatsTopics } from '../../../src/backends/nats/topics.ts'
import type { Answer, Summary } from '../../../src/core/dispatch/messages.ts'
import type { CaucusError } from '../../../src/errors.ts'
import type { AskRequest, ProduceRequest, Serve } from '../../../src/ports/topics.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'

/** Long enough for every question to be over. */
const A_WHILE_MS = 1_000

interface Subscribed {
  readonly matches: (subject: string) => boolean
  readonly heard: (came: Came) => void
}

const matching = (subject: string): ((other: string) => boolean) =>
  subject.endsWith('.*')
    ? (other) => other.startsWith(subject.slice(0, -1)) && !other.slice(subject.length - 1).includes('.')
    : (other) => other === subject

/** One connection to the bus, as its server sees it. */
class Line implements Cable {
  readonly maxPayload = 2 ** 20
  isFull = false
  readonly subscriptions = new Set<Subscribed>()
  /** What comes while it stands still. */
  held: (() => void)[] | undefined
  isUp = true
  readonly sink: CableSink
  readonly #bus: Bus

  constructor(bus: Bus, sink: CableSink) {
    this.#bus = bus
    this.sink = sink
  }

  publish(subject: string, bytes: Uint8Array, replyTo?: string): void {
    if (this.isUp) this.#bus.publish(subject, new Uint8Array(bytes), replyTo)
  }

  subscribe(subject: string, heard: (came: Came) => void): Subscription {
    const subscribed = { matches: matching(subject), heard }
    this.subscriptions.add(subscribed)
    return { end: () => void this.subscriptions.delete(subscribed) }
  }

  confirmed(): Promise<boolean> {
    return new Promise((resolve) => this.take(() => resolve(this.isUp)))
  }

  async close(): Promise<void> {
    this.isUp = false
    this.#bus.lines.delete(this)
  }

  take(read: () => void): void {
    if (this.held === undefined) this.#bus.clock.deliver(read)
    else this.held.push(read)
  }
}

/** What NATS does, in one process and on a simulated clock. */
export class Bus {
  readonly clock = new SimulatedClock()
  readonly lines = new Set<Line>()
  readonly warnings: CaucusError[] = []
  readonly published: string[] = []
  /** What went wrong in there; without a list it is thrown. */
  faults: unknown[] | undefined
  #nodes = 0

  /** One more connection, whoever speaks through it. */
  line(sink: CableSink): Cable {
    const line = new Line(this, sink)
    this.lines.add(line)
    return line
  }

  connect(): Connection {
    const topics = new NatsTopics({
      clock: this.clock,
      prefix: 'test',
      name: `connection-${this.lines.size + 1}`,
      newNode: () => ++this.#nodes,
      soon: (run) => void this.clock.turn(run),
      warn: (error) => this.warnings.push(error),
      onFault: (error) => {
        if (this.faults === undefined) throw error
        this.faults.push(error)
      },
    })
    const line = new Line(this, topics)
    this.lines.add(line)
    topics.connected(line)
    return new Connection(this, topics, line)
  }

  async aWhile(): Promise<void> {
    await this.clock.play(A_WHILE_MS)
  }

  publish(subject: string, bytes: Uint8Array, replyTo?: string): void {
    this.published.push(subject)
    let found = 0
    for (const line of this.lines) {
      for (const { matches, heard } of line.subscriptions) {
        if (!matches(subject)) continue
        found++
        line.take(() => heard({ bytes, subject, isNobody: false }))
      }
    }
    if (found > 0 || replyTo === undefined) return
    for (const line of this.lines) {
      for (const { matches, heard } of line.subscriptions) {
        if (matches(replyTo)) line.take(() => heard({ bytes: new Uint8Array(), subject: replyTo, isNobody: true }))
      }
    }
  }
}

/** What an asker has heard. */
export interface Asked {
  readonly answers: Answer[]
  summary?: Summary
  error?: CaucusError
}

/** One process with its topics. */
export class Connection {
  readonly topics: NatsTopics
  readonly #bus: Bus
  readonly #line: Line

  constructor(bus: Bus, topics: NatsTopics, line: Line) {
    this.#bus = bus
    this.topics = topics
    this.#line = line
  }

  /** On the roster of everybody once time has gone on. */
  produce(id: string, serve: Serve, more: Partial<ProduceRequest> = {}) {
    const told: string[] = []
    const request = { topic: 't', id, concurrency: 10, queueLimit: 10, ...more }
    const port = this.topics.produce(request, serve, {
      ready: () => told.push('ready'),
      lost: () => told.push('lost'),
      ended: (error) => told.push(error?.code ?? 'ended'),
    })
    return { port, told }
  }

  ask(more: Partial<AskRequest> = {}): Asked {
    const asked: Asked = { answers: [] }
    this.topics.ask(
      { topic: 't', payload: 1, until: 'all', withinMs: 60_000, ...more },
      {
        answered: (answer) => void asked.answers.push(answer),
        finished: (summary) => {
          asked.summary = summary
        },
        failed: (error) => {
          asked.error = error
        },
      },
    )
    return asked
  }

  /** What it has heard after a while. */
  async asked(more?: Partial<AskRequest>): Promise<Asked> {
    const asked = this.ask(more)
    await this.#bus.aWhile()
    return asked
  }

  /** As kill -9: the server sees the connection end, and nobody else hears a word. */
  crash(): void {
    this.#line.isUp = false
    this.#bus.lines.delete(this.#line)
  }

  /** The server cannot reach it and takes it for gone, and it does not notice: its own server has been cut off. */
  cutOff(): void {
    this.crash()
  }

  rejoin(): void {
    this.#line.isUp = true
    this.#bus.lines.add(this.#line)
  }

  /** As SIGSTOP: the server keeps what is for it. */
  freeze(): void {
    this.#line.held = []
  }

  thaw(): void {
    const held = this.#line.held ?? []
    this.#line.held = undefined
    for (const read of held) this.#line.take(read)
  }

  lose(): void {
    this.#line.isUp = false
    this.#line.subscriptions.clear()
    this.#line.sink.lost('the connection to NATS has ended')
  }

  find(): void {
    this.#line.isUp = true
    this.#line.sink.opened()
  }
}
