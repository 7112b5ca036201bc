import { CaucusError } from '../../../errors.ts'
import type { Clock } from '../../../ports/clock.ts'
import { StreamIn, unreadable } from '../../../runtime/dispatch/stream-in.ts'
import { STREAM_WINDOW_BYTES } from '../../../wire/limits.ts'
import type { Outbox } from './outbox.ts'
import { MAX_STREAMS } from './streams-out.ts'

/** The replies that this process gets in pieces, by the server's numbers. */
export class StreamsIn {
  readonly #clock: Clock
  readonly #outbox: Outbox
  readonly #reading = new Map<number, StreamIn>()

  constructor(clock: Clock, outbox: Outbox) {
    this.#clock = clock
    this.#outbox = outbox
  }

  get size(): number {
    return this.#reading.size
  }

  open(stream: number): AsyncIterable<Uint8Array> {
    if (this.#reading.size >= MAX_STREAMS) {
      this.stop(stream)
      const why = `this process has ${MAX_STREAMS} streams open, which is its limit; read them, or leave their loops`
      return unreadable(() => new CaucusError('CAUCUS_OVERLOADED', why))
    }
    const reading = new StreamIn({
      windowBytes: STREAM_WINDOW_BYTES,
      clock: this.#clock,
      credit: (bytes) => this.#outbox.say({ type: 'credit', stream, bytes }),
      over: (stop) => {
        this.#reading.delete(stream)
        if (stop) this.stop(stream)
      },
    })
    this.#reading.set(stream, reading)
    return reading
  }

  get(stream: number): StreamIn | undefined {
    return this.#reading.get(stream)
  }

  /** Nobody here reads it. */
  stop(stream: number): void {
    this.#outbox.say({ type: 'stop', stream })
  }

  /** None of them is whole. */
  failAll(error: () => CaucusError): void {
    for (const reading of [...this.#reading.values()]) reading.fail(error(), false)
  }
}
