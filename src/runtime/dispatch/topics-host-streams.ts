import type { StreamDemand, Streamed, StreamPiece } from '../../core/dispatch/link-messages.ts'
import { Table } from '../../core/dispatch/table.ts'
import type { Instant } from '../../core/time.ts'
import { CaucusError, type ErrorBody } from '../../errors.ts'
import type { TopicsLimits } from './topics-host-limits.ts'

/** What the end of a stream needs of its link. */
export interface StreamLink {
  readonly bufferedBytes: number
  now(): Instant
  deliver(message: StreamPiece | StreamDemand): void
}

type Limits = Pick<TopicsLimits, 'streamsPerLink' | 'streamBytesPerLink' | 'streamWindowBytes' | 'streamIdleMs'>

/** A reply in pieces on its way from one link to another. Its reader says how much it takes; nobody in between keeps any of it. */
export class Stream {
  readonly topic: string
  readonly #from: OutgoingStreams
  /** The request that it answers, which is its name where it comes from. */
  readonly #request: number
  #to: IncomingStreams | undefined
  /** Its name where it is read. */
  #number = 0
  /** What the sender may still send. */
  #credit = 0
  /** What the reader takes, but has no room for at this time. */
  parked = 0
  /** When anything of it moved last. */
  movedAt: Instant
  #over = false

  constructor(topic: string, from: OutgoingStreams, request: number) {
    this.topic = topic
    this.#from = from
    this.#request = request
    this.movedAt = from.link.now()
  }

  get isOpen(): boolean {
    return this.#to !== undefined && !this.#over
  }

  /** Its asker has the reply. */
  openAt(to: IncomingStreams): Streamed {
    this.#to = to
    this.#number = to.add(this)
    this.#from.add(this.#request, this)
    return { kind: 'stream', stream: this.#number }
  }

  /** Says what is wrong with it, or `undefined`. */
  chunk(bytes: Uint8Array): string | undefined {
    if (bytes.length > this.#credit)
      return `stream ${this.#request} has ${bytes.length} bytes, and credit for ${this.#credit}`
    this.#credit -= bytes.length
    this.movedAt = this.#from.link.now()
    this.#to?.sent(bytes.length)
    this.#to?.link.deliver({ type: 'chunk', stream: this.#number, bytes })
    if (this.#credit === 0 && this.parked > 0) this.#to?.passOn()
    return undefined
  }

  /** So much more may be sent: as much as there is room for at once. */
  pass(bytes: number): void {
    this.#credit += bytes
    this.parked -= bytes
    this.movedAt = this.#from.link.now()
    this.#from.link.deliver({ type: 'credit', stream: this.#request, bytes })
  }

  get credit(): number {
    return this.#credit
  }

  /** Its sender has said the last of it. */
  end(error?: ErrorBody): void {
    if (!this.#forget()) return
    const { link } = this.#to as IncomingStreams
    link.deliver(
      error === undefined ? { type: 'end', stream: this.#number } : { type: 'end', stream: this.#number, error },
    )
  }

  /** Its reader wants no more of it. */
  stop(): void {
    if (this.#forget()) this.#from.link.deliver({ type: 'stop', stream: this.#request })
  }

  /** Nobody gets it. */
  refuse(): void {
    this.#from.link.deliver({ type: 'stop', stream: this.#request })
  }

  /** Nothing of it has moved for too long. */
  expire(idleMs: number): void {
    const why = `nothing of this stream was read or sent for ${idleMs} ms`
    this.breakOff(new CaucusError('CAUCUS_TIMEOUT', why))
  }

  /** It may not go on, if there is an error: both sides are told. */
  breakOff(error: CaucusError | undefined): void {
    if (error === undefined || !this.isOpen) return
    this.refuse()
    this.end(error.toJSON())
  }

  #forget(): boolean {
    if (this.#over || this.#to === undefined) return false
    this.#over = true
    this.#from.remove(this.#request)
    this.#to.remove(this.#number, this.#credit)
    return true
  }
}

/** The streams that one link sends, by the requests that they answer. */
export class OutgoingStreams {
  readonly link: StreamLink
  readonly #limits: Limits
  readonly #streams = new Table<Stream>()

  constructor(link: StreamLink, limits: Limits) {
    this.link = link
    this.#limits = limits
  }

  get size(): number {
    return this.#streams.size
  }

  /** Why there may not be another one. */
  fault(): string | undefined {
    const { streamsPerLink } = this.#limits
    return this.size < streamsPerLink ? undefined : `its link sends ${streamsPerLink} streams already`
  }

  add(request: number, stream: Stream): void {
    this.#streams.set(request, stream)
  }

  remove(request: number): void {
    this.#streams.delete(request)
  }

  /** Says what is wrong with it, or `undefined`. What is for a stream that is over was under way when it ended. */
  receive(message: StreamPiece): string | undefined {
    const stream = this.#streams.get(message.stream)
    if (message.type === 'chunk') return stream?.chunk(message.bytes)
    stream?.end(message.error)
    return undefined
  }

  all(): readonly Stream[] {
    return this.#streams.all()
  }

  /** The link is gone. */
  close(): void {
    const error = new CaucusError('CAUCUS_CONNECTION_LOST', 'the producer went away before the stream had ended')
    for (const stream of this.all()) stream.end(error.toJSON())
  }
}

/** The streams that one link reads. */
export class IncomingStreams {
  readonly link: StreamLink
  readonly #limits: Limits
  readonly #streams = new Table<Stream>()
  #last = 0
  /** What their senders may send altogether. */
  #credit = 0

  constructor(link: StreamLink, limits: Limits) {
    this.link = link
    this.#limits = limits
  }

  get size(): number {
    return this.#streams.size
  }

  fault(): string | undefined {
    const { streamsPerLink } = this.#limits
    return this.size < streamsPerLink ? undefined : `the asker reads ${streamsPerLink} streams already`
  }

  add(stream: Stream): number {
    this.#streams.set(++this.#last, stream)
    return this.#last
  }

  remove(number: number, credit: number): void {
    this.#streams.delete(number)
    this.#credit -= credit
    this.passOn()
  }

  /** Of what may be sent, so much was. */
  sent(bytes: number): void {
    this.#credit -= bytes
  }

  /** Says what is wrong with it, or `undefined`. */
  receive(message: StreamDemand): string | undefined {
    if (message.stream > this.#last || message.stream === 0) return `nobody sends a stream ${message.stream}`
    const stream = this.#streams.get(message.stream)
    if (stream === undefined) return undefined
    if (message.type === 'stop') {
      stream.stop()
      return undefined
    }
    const bytes = stream.credit + stream.parked + message.bytes
    const { streamWindowBytes: most } = this.#limits
    if (bytes > most) return `stream ${message.stream} has credit for ${bytes} bytes; at most ${most}`
    stream.parked += message.bytes
    this.passOn()
    return undefined
  }

  /** Lets the senders send what there is room for: what all of them have sent and this link has not read is bounded. */
  passOn(): void {
    const { streamBytesPerLink: most } = this.#limits
    const { bufferedBytes } = this.link
    let room = most - this.#credit - bufferedBytes
    for (const stream of this.#streams.all()) {
      if (stream.parked === 0) continue
      // Who has nothing gets a little in any case: others may sit on what they were given for as long as they like.
      const least = stream.credit === 0 && bufferedBytes < most ? LEAST_CREDIT_BYTES : 0
      const bytes = Math.min(stream.parked, Math.max(room, least))
      // Crumbs would be sent as such.
      if (bytes <= 0 || (bytes < stream.parked && bytes < LEAST_CREDIT_BYTES)) continue
      room -= bytes
      this.#credit += bytes
      stream.pass(bytes)
    }
  }

  all(): readonly Stream[] {
    return this.#streams.all()
  }

  /** Somebody has to wait for room. */
  get isWaiting(): boolean {
    return this.#streams.all().some(({ parked }) => parked > 0)
  }

  /** Ends those of which nothing moves, and looks whether others may go on. */
  look(now: Instant): void {
    const { streamIdleMs } = this.#limits
    for (const stream of this.#streams.all()) if (now - stream.movedAt >= streamIdleMs) stream.expire(streamIdleMs)
    this.passOn()
  }

  close(): void {
    for (const stream of this.#streams.all()) stream.stop()
  }
}

const LEAST_CREDIT_BYTES = 16 * 1024
