import type { IncomingMessage } from 'node:http'
import { CaucusError } from '../errors.ts'
import type { ServerCounts } from './metrics.ts'
import type { ServerLimits } from './options.ts'

export interface IntakeOptions {
  /** Of bodies and frames that are not whole yet, in all and from one address. */
  readonly limits: Pick<ServerLimits, 'bodyBytes' | 'arrivingBytes' | 'arrivingBytesPerAddress' | 'arrivingBytesEach'>
  readonly counts: Pick<ServerCounts, 'arrivalsRefused'>
}

/** So many parts are put together as they come: each costs some hundred bytes, also when it is one byte long. */
const MAX_PARTS = 1_024

interface Origin {
  bytes: number
  /** How many count here: with the last of them it is forgotten. */
  arrivals: number
}

/** What has begun to arrive and is not whole yet: each has its own limit, but thousands of them together would be more than there is memory. */
export class Intake {
  readonly #options: IntakeOptions
  readonly #origins = new Map<string, Origin>()
  #bytes = 0

  constructor(options: IntakeOptions) {
    this.#options = options
  }

  /** How much it is now. */
  get bytes(): number {
    return this.#bytes
  }

  /** How many addresses are remembered. */
  get size(): number {
    return this.#origins.size
  }

  /** Something from this address begins to arrive. To be closed, however it ends. */
  open(network: string): Arrival {
    const origin = this.#origins.get(network) ?? { bytes: 0, arrivals: 0 }
    this.#origins.set(network, origin)
    origin.arrivals++
    let own = 0
    const forget = (bytes: number) => {
      own -= bytes
      origin.bytes -= bytes
      this.#bytes -= bytes
    }
    return {
      add: (bytes) => {
        own += bytes
        origin.bytes += bytes
        this.#bytes += bytes
        const { arrivingBytes, arrivingBytesPerAddress, arrivingBytesEach } = this.#options.limits
        // What is small is taken in any case: those who fill the room must not keep out the others, whose frames are short.
        if (own <= arrivingBytesEach) return true
        if (origin.bytes <= arrivingBytesPerAddress && this.#bytes <= arrivingBytes) return true
        this.#options.counts.arrivalsRefused++
        return false
      },
      taken: (bytes = own) => forget(Math.min(bytes, own)),
      close: () => {
        forget(own)
        if (--origin.arrivals === 0) this.#origins.delete(network)
      },
    }
  }

  /** Reads a body to its end. `done` is called once. */
  body(stream: IncomingMessage, network: string, done: (fault: Error | null, body?: Buffer) => void): void {
    const { bodyBytes } = this.#options.limits
    if (Number(stream.headers['content-length']) > bodyBytes) return done(tooLong(bodyBytes))
    const arrival = this.open(network)
    const parts: Buffer[] = []
    let length = 0
    let isOver = false
    const end = (fault: Error | null, body?: Buffer) => {
      if (isOver) return
      isOver = true
      arrival.close()
      parts.length = 0
      done(fault, body)
    }
    stream.on('data', (part: Buffer) => {
      // The rest of what is too much is read and thrown away, so that the answer is not lost in a reset connection.
      if (isOver) return
      length += part.length
      parts.push(part)
      if (parts.length === MAX_PARTS) parts.push(Buffer.concat(parts.splice(0)))
      if (length > bodyBytes) end(tooLong(bodyBytes))
      else if (!arrival.add(part.length)) end(tooMuch())
    })
    // Nearly every body is one part, which need not be copied.
    stream.on('end', () => end(null, parts.length === 1 ? parts[0] : Buffer.concat(parts)))
    // Its client has gone away in the middle of it, and there is nobody who could be told.
    const broken = () => {
      // Every body closes, whole or not: an error that nobody is told costs as much as the rest of the request.
      if (!isOver) end(brokenOff())
    }
    stream.on('error', broken)
    stream.on('close', broken)
  }
}

/** One body, or the frames of one link. */
export interface Arrival {
  /** So much more of it is there. False: it is more than there may be, and has to end. */
  add(bytes: number): boolean
  /** So much of it, or all, is whole and has been taken. */
  taken(bytes?: number): void
  close(): void
}

export const TOO_MUCH =
  'too much is arriving at once, of all or from this address; try again later, and send it at one go'

const tooMuch = (): CaucusError => new CaucusError('CAUCUS_OVERLOADED', TOO_MUCH)

const tooLong = (bodyBytes: number): CaucusError =>
  new CaucusError('CAUCUS_TOO_LARGE', `the body has at most ${bodyBytes} bytes`)

const brokenOff = (): CaucusError => new CaucusError('CAUCUS_CONNECTION_LOST', 'the body ended before its end')
