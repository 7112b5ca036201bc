import { invariant } from '../../core/machine.ts'
import { MAX_FRAME_BYTES, MAX_TOPICS_MESSAGES } from '../limits.ts'
import { ByteWriter } from './byte-writer.ts'

/** What a frame of messages about topics begins with. There is room for other frames of bytes. */
export const TOPICS_FORMAT = 1
/** Most turns have little to say. */
const LEAST_BYTES = 512
/** What is needed for one burst is not made for the next turn. */
const MOST_BYTES = 64 * 1024

/**
 * Gathers messages, in order, into frames that keep to the limits. Between its turns it keeps no memory.
 *
 * Whoever appends has checked what it appends: names, and payloads of at most `MAX_PAYLOAD_BYTES`.
 */
export class FrameWriter {
  #full: Buffer[] = []
  #fullBytes = 0
  #open: ByteWriter | undefined
  #messages = 0
  /** The next frame is likely to be about as long as the one before. */
  #expectedBytes = LEAST_BYTES

  /** How much waits to be taken. */
  get bytes(): number {
    return this.#fullBytes + (this.#open?.length ?? 0)
  }

  /** Gives the next frame, or `undefined` when nothing waits. Nobody writes into it any more. */
  take(): Uint8Array | undefined {
    const frame = this.#full.shift()
    if (frame !== undefined) {
      this.#fullBytes -= frame.length
      return frame
    }
    return this.#messages === 0 ? undefined : this.#seal()
  }

  /** Forgets what waits. */
  clear(): void {
    this.#full = []
    this.#fullBytes = 0
    this.#open = undefined
    this.#messages = 0
  }

  /** Where the next message is written, which takes so many bytes at most. */
  begin(atMost: number): ByteWriter {
    if (
      this.#open !== undefined &&
      (this.#open.length + atMost > MAX_FRAME_BYTES || this.#messages >= MAX_TOPICS_MESSAGES)
    ) {
      const frame = this.#seal()
      this.#full.push(frame)
      this.#fullBytes += frame.length
    }
    if (this.#open === undefined) {
      invariant(atMost < MAX_FRAME_BYTES, 'a message fits into a frame')
      this.#open = new ByteWriter(Math.max(atMost + 1, this.#expectedBytes))
      this.#open.byte(TOPICS_FORMAT)
    } else this.#open.reserve(atMost)
    this.#messages++
    return this.#open
  }

  #seal(): Buffer {
    const frame = this.#open?.taken()
    invariant(frame !== undefined, 'a frame was begun')
    this.#open = undefined
    this.#messages = 0
    this.#expectedBytes = Math.min(Math.max(LEAST_BYTES, frame.length + (frame.length >> 2)), MOST_BYTES)
    return frame
  }
}
