import { CaucusError } from '../../../errors.ts'
import type { Delivery } from '../../../runtime/dispatch/delivery.ts'
import type { LocalProducer } from '../../../runtime/dispatch/producer.ts'
import type { Source } from '../../../runtime/dispatch/source.ts'
import { StreamOut } from '../../../runtime/dispatch/stream-out.ts'
import type { Turn } from '../../../runtime/dispatch/turn.ts'
import { MAX_CHUNK_BYTES } from '../../../wire/limits.ts'
import type { Outbox } from './outbox.ts'

/** How many replies may be streamed at a time, in each direction: as many as a server carries for one link. */
export const MAX_STREAMS = 64

interface Sending {
  readonly stream: StreamOut
  readonly producer: LocalProducer
  readonly delivery: Delivery
}

/** The replies of this process that are sent in pieces, by the number of their request. Each holds its producer until it is over. */
export class StreamsOut {
  readonly #outbox: Outbox
  readonly #turn: Turn
  readonly #sending = new Map<number, Sending>()

  constructor(outbox: Outbox, turn: Turn) {
    this.#outbox = outbox
    this.#turn = turn
  }

  get size(): number {
    return this.#sending.size
  }

  /** Throws `CAUCUS_OVERLOADED`. */
  begin(request: number, source: Source, producer: LocalProducer, delivery: Delivery): void {
    if (this.#sending.size >= MAX_STREAMS) {
      throw new CaucusError('CAUCUS_OVERLOADED', `${MAX_STREAMS} replies of this process are being streamed already`)
    }
    const stream = new StreamOut(source, {
      maxChunkBytes: MAX_CHUNK_BYTES,
      turn: () => this.#outbox.turn(),
      chunk: (bytes) => this.#outbox.say({ type: 'chunk', stream: request, bytes }),
      over: (say, error) => {
        this.#sending.delete(request)
        if (say)
          this.#outbox.say({ type: 'end', stream: request, ...(error !== undefined && { error: error.toJSON() }) })
        producer.release()
      },
    })
    producer.hold()
    this.#sending.set(request, { stream, producer, delivery })
    this.#outbox.say({ type: 'reply', request, payload: { kind: 'stream', stream: request } })
  }

  credit(request: number, bytes: number): void {
    this.#sending.get(request)?.stream.credit(bytes)
  }

  /** Nobody reads it any more. */
  stop(request: number): void {
    const sending = this.#sending.get(request)
    if (sending !== undefined) this.#end(sending, 'abandoned')
  }

  /** Those of a producer that has gone. */
  closeOf(producer: LocalProducer): void {
    for (const sending of [...this.#sending.values()]) {
      if (sending.producer !== producer) continue
      this.#end(sending, 'closed', new CaucusError('CAUCUS_CLOSED', 'the producer of this stream has been closed'))
    }
  }

  /** Nobody is there any more who could be told. */
  lost(): void {
    for (const sending of [...this.#sending.values()]) this.#end(sending, 'lost')
  }

  /** The source hears of it in both ways that it has: a signal, and the end of its loop. */
  #end({ stream, delivery }: Sending, because: 'abandoned' | 'closed' | 'lost', error?: CaucusError): void {
    if (delivery.revoke(because)) this.#turn.abort(delivery)
    stream.stop(error, error !== undefined)
  }
}
