import type { StreamDemand, StreamPiece } from '../../core/dispatch/link-messages.ts'
import type { Instant, Millis } from '../../core/time.ts'
import { CaucusError, errorFromWire } from '../../errors.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { Delivery } from '../../runtime/dispatch/delivery.ts'
import type { LocalProducer } from '../../runtime/dispatch/producer.ts'
import type { Source } from '../../runtime/dispatch/source.ts'
import { StreamIn, unreadable } from '../../runtime/dispatch/stream-in.ts'
import { StreamOut } from '../../runtime/dispatch/stream-out.ts'
import type { Turn } from '../../runtime/dispatch/turn.ts'
import { MAX_CHUNK_BYTES, STREAM_WINDOW_BYTES } from '../../wire/limits.ts'
import type { Neighbour } from './neighbour.ts'
import type { Outbox } from './outbox.ts'

/** How many replies may be streamed at a time, in each direction. */
const MAX_STREAMS = 64
/** A stream of which nothing is sent or asked for during so long is stopped: nobody may be left who would say so. */
const IDLE_MS: Millis = 60_000

interface Sending {
  readonly stream: StreamOut
  readonly producer: LocalProducer
  readonly delivery: Delivery
  readonly reader: Neighbour
  movedAt: Instant
}

/** The replies of this connection that are sent in pieces. Each holds its producer until it is over. */
export class StreamsOut {
  readonly #clock: Clock
  readonly #outbox: Outbox
  readonly #turn: Turn
  readonly #sending = new Map<number, Sending>()
  #last = 0
  #idle: Timer | undefined

  constructor(clock: Clock, outbox: Outbox, turn: Turn) {
    this.#clock = clock
    this.#outbox = outbox
    this.#turn = turn
  }

  /** Whoever reads one of them. */
  *readers(): Iterable<Neighbour> {
    for (const { reader } of this.#sending.values()) yield reader
  }

  /** Gives the stream's number, which the reader is to be told. Throws `CAUCUS_OVERLOADED`. */
  begin(reader: Neighbour, source: Source, producer: LocalProducer, delivery: Delivery): number {
    if (this.#sending.size >= MAX_STREAMS) {
      throw new CaucusError('CAUCUS_OVERLOADED', `${MAX_STREAMS} replies of this process are being streamed already`)
    }
    const number = ++this.#last
    const stream = new StreamOut(source, {
      maxChunkBytes: Math.min(MAX_CHUNK_BYTES, this.#outbox.roomBytes),
      turn: () => new Promise((resolve) => void this.#clock.turn(resolve)),
      chunk: (bytes) => {
        sending.movedAt = this.#clock.now()
        reader.lane.say({ type: 'chunk', stream: number, bytes })
      },
      over: (say, error) => {
        this.#sending.delete(number)
        if (say) reader.lane.say({ type: 'end', stream: number, ...(error !== undefined && { error: error.toJSON() }) })
        producer.release()
      },
    })
    const sending: Sending = { stream, producer, delivery, reader, movedAt: this.#clock.now() }
    producer.hold()
    this.#sending.set(number, sending)
    this.#watch()
    return number
  }

  /** From a reader. What names somebody else's stream is ignored. */
  demanded(reader: Neighbour, demand: StreamDemand): void {
    const sending = this.#sending.get(demand.stream)
    if (sending === undefined || sending.reader !== reader) return
    sending.movedAt = this.#clock.now()
    if (demand.type === 'credit') sending.stream.credit(demand.bytes)
    else this.#end(sending, 'abandoned')
  }

  /** Those of a producer that has gone. */
  closeOf(producer: LocalProducer): void {
    for (const sending of [...this.#sending.values()]) {
      if (sending.producer !== producer) continue
      this.#end(sending, 'closed', new CaucusError('CAUCUS_CLOSED', 'the producer of this stream has been closed'))
    }
  }

  /** Its reader has gone. */
  readerGone(reader: Neighbour): void {
    for (const sending of [...this.#sending.values()]) if (sending.reader === reader) this.#end(sending, 'abandoned')
  }

  /** Nobody is there any more who could be told. */
  lost(): void {
    for (const sending of [...this.#sending.values()]) this.#end(sending, 'lost')
    this.#idle?.clear()
    this.#idle = undefined
  }

  #watch(): void {
    this.#idle ??= this.#clock.setTimer(this.#clock.now() + IDLE_MS, () => this.#look(), { ref: false })
  }

  #look(): void {
    this.#idle = undefined
    const longAgo = this.#clock.now() - IDLE_MS
    const why = `nothing of this stream was read or sent for ${IDLE_MS / 1_000} s; it was stopped`
    for (const sending of [...this.#sending.values()]) {
      if (sending.movedAt <= longAgo) this.#end(sending, 'timeout', new CaucusError('CAUCUS_TIMEOUT', why))
    }
    if (this.#sending.size > 0) this.#watch()
  }

  /** The source hears of it in both ways that it has: a signal, and the end of its loop. */
  #end({ stream, delivery }: Sending, because: 'abandoned' | 'closed' | 'lost' | 'timeout', error?: CaucusError): void {
    if (delivery.revoke(because)) this.#turn.abort(delivery)
    stream.stop(error, error !== undefined)
  }
}

/** The replies that this connection gets in pieces. */
export class StreamsIn {
  readonly #clock: Clock
  readonly #reading = new Map<Neighbour, Map<number, StreamIn>>()
  #size = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whoever sends one of them. */
  senders(): Iterable<Neighbour> {
    return this.#reading.keys()
  }

  open(sender: Neighbour, stream: number): AsyncIterable<Uint8Array> {
    if (this.#size >= MAX_STREAMS) {
      this.stop(sender, stream)
      const why = `this process has ${MAX_STREAMS} streams open, which is its limit; read them, or leave their loops`
      return unreadable(() => new CaucusError('CAUCUS_OVERLOADED', why))
    }
    const streams = this.#reading.get(sender) ?? new Map<number, StreamIn>()
    if (streams.has(stream)) return unreadable(() => new CaucusError('CAUCUS_PROTOCOL', 'two replies name one stream'))
    const reading = new StreamIn({
      clock: this.#clock,
      windowBytes: STREAM_WINDOW_BYTES,
      credit: (bytes) => sender.lane.say({ type: 'credit', stream, bytes }),
      over: (stop) => {
        if (streams.delete(stream)) this.#size--
        if (streams.size === 0) this.#reading.delete(sender)
        if (stop) this.stop(sender, stream)
      },
    })
    this.#reading.set(sender, streams.set(stream, reading))
    this.#size++
    return reading
  }

  /** From a sender. */
  came(sender: Neighbour, piece: StreamPiece): void {
    const reading = this.#reading.get(sender)?.get(piece.stream)
    if (piece.type === 'chunk') reading?.chunk(piece.bytes)
    else if (piece.error === undefined) reading?.finish()
    else reading?.broken(errorFromWire(piece.error))
  }

  /** Nobody here reads it. */
  stop(sender: Neighbour, stream: number): void {
    sender.lane.say({ type: 'stop', stream })
  }

  /** None of those is whole. */
  senderGone(sender: Neighbour): void {
    const why = 'the process that sent this stream has gone: it is not whole; ask again if that does no harm'
    this.#fail(sender, () => new CaucusError('CAUCUS_CONNECTION_LOST', why))
  }

  failAll(error: () => CaucusError): void {
    for (const sender of [...this.#reading.keys()]) this.#fail(sender, error)
  }

  #fail(sender: Neighbour, error: () => CaucusError): void {
    for (const reading of [...(this.#reading.get(sender)?.values() ?? [])]) reading.fail(error(), false)
  }
}
