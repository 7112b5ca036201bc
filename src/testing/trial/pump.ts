import type { Socket } from 'node:net'

/** What happens to the bytes of one direction. */
export interface LineFault {
  /** They are read and thrown away. */
  readonly lose?: boolean
  readonly delayMs?: number
  readonly bytesPerSecond?: number
  /** They are read and kept until this is over. */
  readonly hold?: boolean
  /** They are not even read, so that buffers fill on the side that sends. */
  readonly unread?: boolean
}

/** What is read and not passed on is bounded; then it is not read any more. */
const MAX_HELD_BYTES = 8 << 20

/** One direction of one connection. */
export class Pump {
  readonly #from: Socket
  readonly #to: Socket
  readonly #forwarded: () => void
  #fault: LineFault = {}
  #queue: { readonly bytes: Buffer; readonly dueMs: number }[] = []
  #held = 0
  #lastDueMs = 0
  #ended = false
  #timer: NodeJS.Timeout | undefined

  constructor(from: Socket, to: Socket, forwarded: () => void) {
    this.#from = from
    this.#to = to
    this.#forwarded = forwarded
    from.on('data', (bytes: Buffer) => this.#take(bytes))
    from.once('end', () => {
      this.#ended = true
      this.#pass()
    })
    to.on('drain', () => this.#pass())
  }

  set fault(fault: LineFault) {
    this.#fault = fault
    if (fault.unread) this.#from.pause()
    else this.#from.resume()
    this.#pass()
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#queue = []
  }

  #take(bytes: Buffer): void {
    const { lose, delayMs = 0, bytesPerSecond } = this.#fault
    if (lose) return
    const nowMs = performance.now()
    const sendMs = bytesPerSecond === undefined ? 0 : (bytes.length * 1_000) / bytesPerSecond
    // Never before what came before: bytes of one connection do not overtake each other.
    this.#lastDueMs = Math.max(this.#lastDueMs, nowMs + delayMs) + sendMs
    this.#queue.push({ bytes, dueMs: this.#lastDueMs })
    this.#held += bytes.length
    if (this.#held > MAX_HELD_BYTES) this.#from.pause()
    this.#pass()
  }

  #pass(): void {
    clearTimeout(this.#timer)
    if (this.#fault.hold) return
    for (;;) {
      const [next] = this.#queue
      if (next === undefined) break
      const waitMs = next.dueMs - performance.now()
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#pass(), Math.ceil(waitMs))
        return
      }
      if (this.#to.destroyed || this.#to.writableNeedDrain) return
      this.#queue.shift()
      this.#held -= next.bytes.length
      this.#to.write(next.bytes)
      this.#forwarded()
    }
    if (!this.#fault.unread && this.#from.isPaused()) this.#from.resume()
    if (this.#ended && this.#to.writable) this.#to.end()
  }
}
