import type { Random } from '../../core/random.ts'
import { exponential, pick } from '../simulation/conditions.ts'
import { MachineClock } from '../simulation/machine-clock.ts'
import type { Habits } from '../simulation/process.ts'
import { must } from '../simulation/violation.ts'
import type { DispatchBench } from './bench.ts'
import { type ClientHost, ClientProcess } from './client.ts'
import type { Link } from './link.ts'
import { type Ends, Links } from './links.ts'
import type { Down, Up } from './messages.ts'
import type { Offer } from './producer.ts'
import { type ServerHost, ServerProcess } from './server.ts'

const QUEUES = ['q', 'r']

/** One server with its hub, processes that ask, produce and listen, the links between them, and everybody who watches. */
export class DispatchWorld implements Ends {
  readonly bench: DispatchBench
  readonly links: Links
  readonly clients: ClientProcess[] = []
  server: ServerProcess | undefined
  readonly #clocks: Random
  readonly #lives: Random
  #runs = 0
  #keys = 0
  #boots = 0

  constructor(bench: DispatchBench) {
    this.bench = bench
    this.#clocks = bench.random.fork('clocks')
    this.#lives = bench.random.fork('lives')
    this.links = new Links(bench, this)
  }

  start(): void {
    if (this.server !== undefined) return
    const who = `server ${++this.#runs}`
    const around = {
      clock: this.#newClock(who),
      habits: this.#habits(who),
      random: this.#lives.fork(who),
      host: this.#serverHost(),
      newKey: () => ++this.#keys,
    }
    this.server = new ServerProcess(this.#runs, around)
    this.bench.note('server', 'starts', undefined, this.#runs)
    this.bench.tell({ who: 'server', what: 'starts', state: 'up' })
  }

  crashServer(random: Random): boolean {
    const { server } = this
    if (server === undefined) return false
    this.bench.tell({ who: 'server', what: 'crashes', state: 'down' })
    server.kill()
    this.server = undefined
    this.links.cutAll(server.run, random)
    return true
  }

  /** A process, which begins with some producers and listeners. */
  join(name: string): ClientProcess {
    const who = `${name}#${++this.#boots}`
    const random = this.#lives.fork(who)
    const around = { clock: this.#newClock(who), habits: this.#habits(who), random, host: this.#clientHost() }
    const client = new ClientProcess(name, around)
    this.clients.push(client)
    this.bench.note(name, 'starts')
    this.bench.tell({ who: name, what: 'starts', state: 'up' })
    for (let producers = random.below(4); producers > 0; producers--) client.produce(this.drawOffer(client, random))
    for (let listeners = random.below(3); listeners > 0; listeners--) {
      client.listen(pick(random, this.bench.conditions.topics))
    }
    this.links.connect(client, this.#ways(client))
    return client
  }

  crash(client: ClientProcess, random: Random): void {
    this.bench.note(client.name, 'crashes')
    this.bench.tell({ who: client.name, what: 'crashes', state: 'down' })
    client.kill()
    this.clients.splice(this.clients.indexOf(client), 1)
    if (client.link !== undefined) this.links.cut(client.link, random, { client: false })
  }

  clientOf(link: Link): ClientProcess | undefined {
    return this.clients.find((client) => client.name === link.client)
  }

  /** What a new producer is like. Some take an id that somebody has, perhaps elsewhere. */
  drawOffer(client: ClientProcess, random: Random): Omit<Offer, 'number'> {
    const { bench } = this
    const topic = pick(random, bench.conditions.topics)
    const twin = bench.happens('twin', random, 0.3)
    return {
      topic,
      id: twin ? `twin-${random.below(3)}` : `${client.name}-${random.below(1e6)}`,
      queue: random.next() < 0.3 ? pick(random, QUEUES) : undefined,
      metadata: random.next() < 0.5 ? { zone: random.below(2), size: pick(random, ['s', 'l']) } : undefined,
      concurrency: pick(random, [1, 1, 1, 2, 5]),
      queueLimit: bench.happens('shortQueue', random, 0.6) ? random.below(3) : 1_000,
    }
  }

  /** From now on nothing goes wrong, and nothing new is begun. */
  heal(): void {
    const { bench } = this
    bench.note('world', 'heals')
    bench.tell({ who: 'world', kind: 'fault', what: 'everything heals' })
    bench.faulty = false
    this.links.heal()
    this.start()
    this.server?.goOn()
    // Whatever it could not say while it stood still.
    this.server?.flushGaps()
    for (const client of this.clients) client.goOn()
  }

  /** Nothing is under way any more. */
  judgeQuiet(): void {
    for (const client of this.clients) {
      must(client.isLinked, 'P1', () => `${client.name} has no link, and nothing is in its way`)
      client.judgeQuiet()
      for (const { topic, at, number } of client.listeners) {
        const heard = this.server?.repliesOn(topic)
        must(at === heard, 'Heard', () => `listener ${number} on ${topic} heard ${at} of ${heard} replies`)
      }
    }
    const open = this.server?.book.open ?? 0
    must(open === 0, 'P1', () => `${open} asks have not ended, long after their limits`)
  }

  everybodyGoes(): void {
    for (const client of this.clients) {
      for (const producer of [...client.producers]) client.leave(producer)
      for (const hearing of [...client.listeners]) client.unlisten(hearing)
    }
  }

  judgeEmpty(): void {
    const { server } = this
    if (server !== undefined) server.book.judgeEmpty(server.hub)
  }

  #clientHost(): ClientHost {
    return {
      bench: this.bench,
      send: (link: Link, message: Up) => this.links.up(link, message),
      unlinked: (client) => this.links.connect(client, this.#ways(client)),
    }
  }

  #serverHost(): ServerHost {
    return {
      bench: this.bench,
      send: (link: Link, message: Down, optional: boolean) => this.links.down(link, message, optional),
    }
  }

  #ways(client: ClientProcess): Random {
    return this.#lives.fork(`ways of ${client.name} ${client.links}`)
  }

  #newClock(of: string): MachineClock {
    const random = this.#clocks.fork(of)
    const rate = 1 + this.bench.conditions.drift * (random.next() * 2 - 1)
    return new MachineClock(rate, random.below(1e6), random.below(1e4))
  }

  #habits(who: string): Habits {
    const { bench } = this
    const random = this.#lives.fork(`habits of ${who}`)
    const { delayMs, workMs } = bench.conditions
    return {
      lateness: () => (bench.happens('lateWake', random, 0.1) ? exponential(random, 5 * (delayMs + workMs)) : 0),
      wakesHarshly: () => bench.happens('harshWake', random, 0.5),
    }
  }
}
