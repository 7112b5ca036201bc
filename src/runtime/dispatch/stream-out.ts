import { CaucusError } from '../../errors.ts'
import { handlerFailure } from './failure.ts'
import { letGo, type Source } from './source.ts'

/** What a stream of ours needs of the way to its reader. */
export interface StreamOutHome {
  readonly maxChunkBytes: number
  chunk(bytes: Uint8Array): void
  /** Resolves once this turn of the loop is over. */
  turn(): Promise<void>
  /** The last word: nothing follows, and the source has been let go. `say`: the other side does not know yet. */
  over(say: boolean, error: CaucusError | undefined): void
}

/** A source that always has something to give lets the others have their turn after so many. */
const CHUNKS_IN_A_TURN = 32

/** A reply that is sent in pieces: as much of it as its reader has made room for, and nothing before that. */
export class StreamOut {
  readonly #source: Source
  readonly #home: StreamOutHome
  #iterator: AsyncIterator<unknown> | undefined
  #credit = 0
  /** What the source gave and has not been sent. */
  #rest: Uint8Array | undefined
  #isReading = false
  #isOver = false

  constructor(source: Source, home: StreamOutHome) {
    this.#source = source
    this.#home = home
  }

  credit(bytes: number): void {
    this.#credit += bytes
    this.#send()
  }

  /** Nobody reads it any more: the source is told. */
  stop(error?: CaucusError, say = false): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#rest = undefined
    void letGo(this.#source, this.#iterator)
    this.#home.over(say, error)
  }

  #send(): void {
    this.#flush()
    if (!this.#isOver && this.#credit > 0 && !this.#isReading) void this.#read()
  }

  async #read(): Promise<void> {
    this.#isReading = true
    let chunks = 0
    try {
      this.#iterator ??= this.#source[Symbol.asyncIterator]()
      while (!this.#isOver && this.#rest === undefined && this.#credit > 0) {
        if (++chunks % CHUNKS_IN_A_TURN === 0) await this.#home.turn()
        if (this.#isOver) return
        const { done, value } = await this.#iterator.next()
        if (this.#isOver) return
        if (done === true) {
          this.#isOver = true
          return this.#home.over(true, undefined)
        }
        if (!(value instanceof Uint8Array)) {
          return this.stop(new CaucusError('CAUCUS_HANDLER_FAILED', notBytes(value)), true)
        }
        if (value.length === 0) continue
        this.#rest = value
        this.#flush()
      }
    } catch (error) {
      // What a source that was stopped says is for nobody.
      if (this.#isOver) return
      this.#isOver = true
      this.#home.over(true, handlerFailure(error))
    } finally {
      this.#isReading = false
    }
  }

  #flush(): void {
    while (this.#credit > 0 && this.#rest !== undefined) {
      const size = Math.min(this.#rest.length, this.#credit, this.#home.maxChunkBytes)
      this.#home.chunk(this.#rest.subarray(0, size))
      this.#credit -= size
      this.#rest = size < this.#rest.length ? this.#rest.subarray(size) : undefined
    }
  }
}

const notBytes = (value: unknown): string =>
  `a stream gave ${typeof value === 'object' ? 'an object' : `a ${typeof value}`}; it must give Uint8Array`
