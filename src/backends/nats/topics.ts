import type { TopicView } from '../../core/dispatch/messages.ts'
import type { Instant, Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type {
  AskPort,
  AskRequest,
  AskSink,
  ListenerPort,
  ListenerSink,
  ProduceRequest,
  ProducerListener,
  ProducerPort,
  Serve,
  TopicsPort,
} from '../../ports/topics.ts'
import { connectionClosed } from '../../runtime/dispatch/round.ts'
import { Turn } from '../../runtime/dispatch/turn.ts'
import { Asks } from './asks.ts'
import type { Cable, CableSink, Came } from './cable.ts'
import { decodeNats } from './codec.ts'
import { Listeners } from './listeners.ts'
import type { NatsMessage } from './messages.ts'
import { type Neighbour, Neighbours } from './neighbour.ts'
import { Outbox } from './outbox.ts'
import { Presence } from './presence.ts'
import { Producers } from './producers.ts'
import { KEPT_MS, Rosters } from './rosters.ts'
import { Strangers } from './strangers.ts'
import { StreamsIn, StreamsOut } from './streams.ts'
import { lastToken, Subjects } from './subjects.ts'
import { Vigil } from './vigil.ts'

/** A connection of which nothing was heard for so long, and nothing is awaited, is forgotten: longer than a roster is kept unused. */
const FORGOTTEN_MS: Millis = 3 * KEPT_MS

export interface NatsTopicsOptions {
  /** The monotonic one. */
  readonly clock: Clock
  readonly prefix: string
  /** What handlers see of our asks in `from`. */
  readonly name: string
  /** Another one at every call, in every process: a whole number below 2^48. */
  newNode(): number
  /** Runs once nothing of what came is left to be done: what is said until then travels together. */
  soon(run: () => void): void
  /** Default: a warning of the process. */
  readonly warn?: (error: CaucusError) => void
  onFault(error: unknown): void
}

/**
 * Topics among equals over NATS, which only carries. Each connection that asks knows by itself who is there, and keeps its asks; producers
 * and listeners announce themselves anew each time that a server was reached; asks and streams end with a loss.
 */
export class NatsTopics implements TopicsPort, CableSink {
  readonly #clock: Clock
  readonly #newNode: () => number
  readonly #subjects: Subjects
  readonly #strangers: Strangers
  readonly #outbox: Outbox
  readonly #neighbours: Neighbours
  readonly #rosters: Rosters
  readonly #asks: Asks
  readonly #presence: Presence
  readonly #producers: Producers
  readonly #listeners: Listeners
  readonly #streamsOut: StreamsOut
  readonly #streamsIn: StreamsIn
  readonly #vigil: Vigil
  readonly #onFault: (error: unknown) => void
  #cable: Cable | undefined
  #isClosed = false

  constructor({ clock, prefix, name, newNode, soon, warn, onFault }: NatsTopicsOptions) {
    this.#clock = clock
    this.#newNode = newNode
    this.#onFault = onFault
    this.#subjects = new Subjects(prefix)
    this.#strangers = new Strangers(clock, warn)
    const subjects = this.#subjects
    const outbox = new Outbox(soon)
    const turn = new Turn(() => {})
    this.#outbox = outbox
    this.#neighbours = new Neighbours((node) => outbox.lane(subjects.node(node)))
    this.#streamsOut = new StreamsOut(clock, outbox, turn)
    this.#streamsIn = new StreamsIn(clock)
    const busy = () => this.#vigil.busy()
    this.#asks = new Asks({
      clock,
      outbox,
      streams: this.#streamsIn,
      rosters: () => this.#rosters,
      busy,
      heard: (roster, from, payload) => roster.heard.say({ type: 'heard', from, payload }),
      onFault,
    })
    this.#rosters = new Rosters({
      clock,
      outbox,
      subjects,
      name,
      post: (input) => this.#asks.post(input),
      topic: (topic) => this.#asks.topic(topic),
      came: (came) => this.#came(came),
      suspect: (neighbour) => this.#vigil.ping(neighbour),
    })
    this.#presence = new Presence({
      clock,
      outbox,
      subjects,
      came: (came, topic, id) => this.#came(came, topic, id),
      fenced: (producer) => this.#producers.fenced(producer),
    })
    this.#producers = new Producers({ clock, outbox, turn, streams: this.#streamsOut, presence: this.#presence, busy })
    this.#listeners = new Listeners(this.#presence)
    this.#vigil = new Vigil({
      clock,
      outbox,
      subjects,
      awaited: (before) => this.#awaited(before),
      isIdle: () => this.#isIdle(),
      gone: (neighbour) => this.#gone(neighbour, 'silent'),
      tidy: () => this.#tidy(),
    })
  }

  produce(request: ProduceRequest, serve: Serve, listener: ProducerListener): ProducerPort {
    this.#checkOpen()
    return this.#producers.produce(request, serve, listener)
  }

  ask(request: AskRequest, sink: AskSink): AskPort {
    this.#checkOpen()
    return this.#asks.begin(request, sink)
  }

  listen(topic: string, sink: ListenerSink): ListenerPort {
    this.#checkOpen()
    return this.#listeners.listen(topic, sink)
  }

  async view(topic: string, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<TopicView | undefined> {
    signal?.throwIfAborted()
    this.#checkOpen()
    return this.#rosters.view(topic, signal)
  }

  /** To be called once, with the cable whose sink this is. */
  connected(cable: Cable): void {
    this.#cable = cable
    this.opened()
  }

  opened(): void {
    const cable = this.#cable
    if (cable === undefined || this.#isClosed) return
    const node = this.#newNode()
    this.#outbox.opened(cable, node)
    cable.subscribe(this.#subjects.node(node), (came) => this.#came(came))
    cable.subscribe(this.#subjects.gone(node, '*'), (came) => this.#nobody(came))
    this.#rosters.opened(cable)
    this.#presence.opened(cable)
    this.#producers.opened()
    this.#listeners.opened()
  }

  lost(reason: string): void {
    this.#outbox.lost()
    this.#asks.failAll(() => connectionLost(reason, 'this ask was under way: some may have worked on it'))
    this.#streamsIn.failAll(() => connectionLost(reason, 'this stream was under way: it is not whole'))
    this.#streamsOut.lost()
    this.#rosters.lost()
    this.#presence.lost()
    this.#producers.lost(this.#neighbours.all())
    this.#neighbours.clear()
    this.#listeners.lost()
  }

  refused(error: CaucusError): void {
    this.#strangers.refused(error)
  }

  /** Ends everything that was begun here. What has been said still goes out. Closing twice is closing once. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#producers.endAll(undefined)
    this.#listeners.endAll(undefined)
    this.#asks.close()
    this.#streamsIn.failAll(connectionClosed)
    this.#streamsOut.lost()
    this.#vigil.close()
    this.#outbox.flush()
    this.#rosters.lost()
    await this.#cable?.close()
    this.#outbox.lost()
  }

  #checkOpen(): void {
    if (this.#isClosed) throw connectionClosed()
  }

  /** `topic` and `id` are those of the subject. */
  #came(came: Came, topic = '', id = ''): void {
    try {
      this.#read(came, topic, id)
    } catch (error) {
      // NATS' client would stop reading, and say nothing.
      this.#onFault(error)
    }
  }

  #read(came: Came, topic: string, id: string): void {
    const frame = decodeNats(came.bytes)
    if (typeof frame === 'string') return this.#strangers.ignored(came.subject, frame)
    const neighbour = this.#neighbours.heard(frame.from, this.#clock.now())
    if (neighbour === undefined)
      return this.#strangers.ignored(came.subject, 'too many connections have said something')
    if (neighbour.lostFrom !== undefined) this.#isBack(neighbour)
    for (const message of frame.messages) this.#take(neighbour, message, topic, id)
    this.#rosters.settle()
  }

  #take(neighbour: Neighbour, message: NatsMessage, topic: string, id: string): void {
    switch (message.type) {
      case 'ask':
        return this.#producers.ask(neighbour, topic, message)
      case 'request':
        return this.#producers.request(neighbour, message)
      case 'cancel':
        return this.#producers.cancel(neighbour, message.ask, message.because)
      case 'reply':
        return this.#asks.replied(neighbour, message)
      case 'fail':
        return this.#asks.failed(neighbour, message)
      case 'producer':
        return this.#rosters.producer(neighbour, message)
      case 'withdraw':
        return this.#rosters.withdraw(neighbour, message)
      case 'leave':
        return this.#rosters.leave(neighbour, message)
      case 'listeners':
        return this.#rosters.listeners(neighbour, message)
      case 'known':
        return this.#producers.known(neighbour, message)
      case 'unknown':
        return this.#producers.unknown(neighbour, message.producers)
      case 'who':
        return this.#tell(neighbour, message)
      case 'told':
        return this.#rosters.told(neighbour, message)
      case 'claim':
        return this.#presence.claimed(neighbour, { topic, id }, message)
      case 'heard':
        return this.#listeners.heard(topic, message)
      case 'ping':
        return neighbour.lane.say({ type: 'pong' })
      case 'pong':
        // That it was heard is all that it says.
        return
      case 'chunk':
      case 'end':
        return this.#streamsIn.came(neighbour, message)
      case 'credit':
      case 'stop':
        return this.#streamsOut.demanded(neighbour, message)
    }
  }

  /** Who of us is on that topic. */
  #tell(asker: Neighbour, { topic, census }: Extract<NatsMessage, { type: 'who' }>): void {
    for (const announced of this.#producers.announced(topic)) asker.lane.say({ type: 'producer', census, ...announced })
    const count = this.#presence.listeners(topic)
    if (count > 0) asker.lane.say({ type: 'listeners', topic, count, census })
    asker.lane.say({ type: 'told', topic, census })
  }

  /** The server says that nobody is there any more for something of ours. */
  #nobody({ isNobody, subject }: Came): void {
    if (!isNobody) return
    const token = lastToken(subject)
    if (this.#rosters.nobody(token)) return
    const neighbour = this.#neighbours.get(Number.parseInt(token, 16))
    if (neighbour !== undefined) this.#gone(neighbour, 'ended')
  }

  #gone(neighbour: Neighbour, because: 'ended' | 'silent'): void {
    const topics = this.#rosters.forget(neighbour, because)
    this.#producers.askerGone(neighbour, because)
    this.#streamsIn.senderGone(neighbour)
    this.#streamsOut.readerGone(neighbour)
    // It may only have stood still: then what it says next tells that it is back.
    if (because === 'silent') neighbour.lostFrom = new Set([...(neighbour.lostFrom ?? []), ...topics])
    else this.#neighbours.forget(neighbour)
  }

  #isBack(neighbour: Neighbour): void {
    const topics = neighbour.lostFrom ?? []
    neighbour.lostFrom = undefined
    for (const topic of topics) neighbour.lane.say({ type: 'who', topic, census: 0 })
  }

  *#awaited(before: Instant): Iterable<Neighbour> {
    yield* this.#asks.silent(before)
    yield* this.#streamsIn.senders()
    yield* this.#streamsOut.readers()
    if (this.#producers.inHand === 0) return
    for (const neighbour of this.#neighbours.all()) if (neighbour.requests.size > 0) yield neighbour
  }

  #isIdle(): boolean {
    if (!this.#asks.isIdle || this.#producers.inHand > 0) return false
    for (const _ of this.#streamsIn.senders()) return false
    for (const _ of this.#streamsOut.readers()) return false
    return true
  }

  #tidy(): void {
    this.#rosters.tidy()
    const longAgo = this.#clock.now() - FORGOTTEN_MS
    for (const neighbour of this.#neighbours.all()) {
      if (neighbour.heardAt > longAgo || neighbour.entries.size + neighbour.requests.size > 0) continue
      this.#producers.askerGone(neighbour, 'silent')
      this.#neighbours.forget(neighbour)
    }
  }
}

const connectionLost = (reason: string, what: string): CaucusError =>
  new CaucusError('CAUCUS_CONNECTION_LOST', `${reason} while ${what}; ask again if that does no harm`)
