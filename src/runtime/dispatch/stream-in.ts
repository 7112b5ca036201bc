import type { Instant, Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import { Reader } from '../reader.ts'

/** A stream that nobody has read for so long is stopped. */
const UNREAD_MS: Millis = 60_000

export interface StreamInHome {
  readonly clock: Clock
  /** How much may come before any of it was read. */
  readonly windowBytes: number
  credit(bytes: number): void
  /** Nothing more is taken. `stop`: its source does not know yet. */
  over(stop: boolean): void
}

/**
 * A reply that comes in pieces. Its source begins with the first that is asked for, and is never further ahead than a window; `break`
 * stops it. It can be read once.
 */
export class StreamIn implements AsyncIterableIterator<Uint8Array, undefined>, AsyncDisposable {
  readonly #home: StreamInHome
  readonly #chunks: Uint8Array[] = []
  readonly #reader: Reader<Uint8Array>
  /** What may still come. */
  #room = 0
  /** What was read since room was made last. */
  #read = 0
  #readers = 0
  /** Why it is not whole, to be said once what has come was read. */
  #failure: CaucusError | undefined
  #readAt: Instant
  #unread: Timer | undefined
  #isOver = false

  constructor(home: StreamInHome) {
    this.#home = home
    this.#readAt = home.clock.now()
    this.#reader = new Reader<Uint8Array>({
      take: () => this.#take(),
      begin: () => {},
      end: () => this.#end(true),
    }).open()
    this.#watch()
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#readers++
    if (this.#failure !== undefined && this.#chunks.length === 0) this.#reader.fail(this.#failure)
    if (this.#room === 0 && this.#chunks.length === 0) this.#makeRoom(this.#home.windowBytes)
    try {
      return await this.#reader.next()
    } finally {
      this.#readers--
      this.#readAt = this.#home.clock.now()
    }
  }

  /** Its source is stopped. */
  async return(): Promise<IteratorReturnResult<undefined>> {
    await this.#reader.return()
    this.#chunks.length = 0
    return { done: true, value: undefined }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  chunk(bytes: Uint8Array): void {
    if (this.#isOver) return
    if (bytes.length > this.#room) {
      return this.fail(new CaucusError('CAUCUS_PROTOCOL', 'more of a stream came than was asked for'))
    }
    this.#room -= bytes.length
    // Of its own memory: the frame is much larger, and holds what is for others.
    this.#chunks.push(new Uint8Array(bytes))
    this.#reader.wake()
  }

  /** All of it has come. */
  finish(): void {
    this.#end(false)
    this.#reader.finish()
  }

  /** Its source has failed: what it gave before that is read first. */
  broken(error: CaucusError): void {
    if (this.#isOver) return
    this.#end(false)
    if (this.#chunks.length === 0) this.#reader.fail(error)
    else this.#failure = error
  }

  /** It is not whole, and nothing more of it is to be read. */
  fail(error: CaucusError, stop = true): void {
    this.#end(stop)
    this.#chunks.length = 0
    this.#reader.fail(error)
  }

  #take(): { readonly value: Uint8Array } | undefined {
    const value = this.#chunks.shift()
    if (value === undefined) return undefined
    this.#read += value.length
    // Not for each chunk, and early enough that the source need not pause.
    if (this.#read >= this.#home.windowBytes / 2) {
      this.#makeRoom(this.#read)
      this.#read = 0
    }
    return { value }
  }

  #makeRoom(bytes: number): void {
    if (this.#isOver) return
    this.#room += bytes
    this.#home.credit(bytes)
  }

  #end(stop: boolean): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#unread?.clear()
    this.#home.over(stop)
  }

  #watch(): void {
    const { clock } = this.#home
    this.#unread = clock.setTimer(this.#readAt + UNREAD_MS, () => this.#look(), { ref: false })
  }

  #look(): void {
    const { clock } = this.#home
    // Who waits for the source reads.
    if (this.#readers > 0) this.#readAt = clock.now()
    if (clock.now() - this.#readAt < UNREAD_MS) return this.#watch()
    const why = `nobody has read this stream for ${UNREAD_MS / 1_000} s; it was stopped`
    this.fail(new CaucusError('CAUCUS_TIMEOUT', why))
  }
}

/** Stands where a stream would be, and says why there is none. */
export const unreadable = (why: () => CaucusError): AsyncIterable<Uint8Array> => ({
  [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(why()) }),
})
