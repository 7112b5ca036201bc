import { STREAM_WINDOW_BYTES } from '../../wire/limits.ts'
import type { KnownProducer } from './topic-facts.ts'
import type { ClusterInvariant } from './violation.ts'

/** A reply in pieces. */
interface KnownStream {
  readonly known: KnownProducer
  readonly totalBytes: number
  sentBytes: number
  readBytes: number
  over: boolean
}

/** What is under way beside the window: what was read and not yet said to have been, and a piece that does not fit. */
const MOST_AHEAD_BYTES = 2 * STREAM_WINDOW_BYTES

/** Replies in pieces, from both ends: nobody is further ahead than may be, what is taken for whole is whole, and every source is let go. */
export class StreamBook {
  readonly #streams = new Map<string, KnownStream>()
  readonly #broken: (invariant: ClusterInvariant, who: string, message: string) => void

  constructor(broken: (invariant: ClusterInvariant, who: string, message: string) => void) {
    this.#broken = broken
  }

  /** A source of a streamed reply begins to give, and has ended. */
  begins(known: KnownProducer, token: string, totalBytes: number): { sent(bytes: number): void; ended(): void } {
    const stream: KnownStream = { known, totalBytes, sentBytes: 0, readBytes: 0, over: false }
    this.#streams.set(token, stream)
    return {
      sent: (bytes) => {
        stream.sentBytes += bytes
        const ahead = stream.sentBytes - stream.readBytes
        if (ahead <= MOST_AHEAD_BYTES) return
        const { who, id } = known
        this.#broken('U4', who, `${id} of ${who} is ${ahead} bytes ahead of the reader of its reply to ${token}`)
      },
      ended: () => {
        stream.over = true
      },
    }
  }

  read(token: string, bytes: number): void {
    const stream = this.#streams.get(token)
    if (stream !== undefined) stream.readBytes += bytes
  }

  /** Its reader takes it for whole. */
  readAll(who: string, token: string): void {
    const { totalBytes = 0, readBytes = 0 } = this.#streams.get(token) ?? {}
    if (readBytes === totalBytes) return
    this.#broken(
      'Truth',
      who,
      `the reply to ${token} has ${totalBytes} bytes; its reader was told that ${readBytes} are all`,
    )
  }

  /** Everything has been closed. */
  close(): void {
    for (const [token, { known, over }] of this.#streams) {
      const { who, loop } = known
      if (!over && loop.state !== 'over')
        this.#broken('U1', who, `the source of the reply to ${token} was never let go`)
    }
  }
}
