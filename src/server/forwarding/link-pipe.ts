import { type ClientRequest, type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Millis } from '../../core/time.ts'
import type { CaucusError } from '../../errors.ts'
import { headersBack } from './headers.ts'
import { type Onward, sendOnward } from './outgoing.ts'
import type { Pipe } from './pipes.ts'
import type { Passed } from './request-pipe.ts'

export interface LinkPipeOptions extends Onward {
  /** The client's end. */
  readonly socket: Duplex
  /** What it has sent behind its request. */
  readonly head: Buffer
  /** The other peer has taken it. */
  opened(): void
  /** Called once, when no socket of it is left, or when it is somebody else's to answer. */
  ended(passed: Passed): void
}

/** How long an end that has said all may wait for the other one. */
const LAST_WORD_MS: Millis = 5_000

/** One link to another peer: two sockets whose bytes nobody reads. */
export class LinkPipe implements Pipe {
  readonly isEndless = true
  readonly #options: LinkPipeOptions
  readonly #outgoing: ClientRequest
  #far: Duplex | undefined
  #isAnswered = false
  #isOver = false

  constructor(options: LinkPipeOptions) {
    this.#options = options
    const { socket } = options
    socket.once('close', this.#gone)
    socket.once('end', this.#ended)
    this.#outgoing = sendOnward(options, {
      connected: () => void this.#outgoing.end(),
      answered: (answer) => this.#refused(answer),
      upgraded: (answer, far, head) => this.#open(answer, far, head),
      failed: (error) => this.#failed(error),
    })
  }

  get to() {
    return this.#options.to
  }

  get caller() {
    return this.#options.caller
  }

  #open(answer: IncomingMessage, far: Duplex, head: Buffer): void {
    const { socket, head: ahead, opened } = this.#options
    this.#far = far
    this.#isAnswered = true
    far.on('error', () => far.destroy())
    if (this.#isOver || socket.destroyed) return void far.destroy()
    this.#leave()
    opened()
    socket.write(Buffer.concat([headOf(answer, answer.rawHeaders), head]))
    if (ahead.length > 0) far.write(ahead)
    join(socket, far, () => this.#end({ type: 'done' }))
  }

  /** What the other peer has against it is said as it is. */
  #refused(answer: IncomingMessage): void {
    const { socket } = this.#options
    this.#isAnswered = true
    socket.off('end', this.#ended)
    socket.write(headOf(answer, [...headersBack(answer), 'Connection', 'close']))
    answer.pipe(socket)
    answer.once('close', () => {
      // Closing at once with unread bytes would reset the connection, and the answer could be lost with it.
      socket.resume()
      setTimeout(() => socket.destroy(), answer.complete ? 1_000 : 0).unref()
    })
    // Told by `close` too.
    answer.on('error', () => undefined)
  }

  /** A link that was not taken has done nothing, and may be asked of another peer. */
  #failed(error: Error): void {
    if (this.#isAnswered) return
    this.#leave()
    this.#end({ type: 'unreached', why: error.message })
  }

  readonly #gone = (): void => {
    this.#outgoing.destroy()
    this.#end({ type: 'done' })
  }

  /** A client that has said its last word before it had an answer needs none. */
  readonly #ended = (): void => void this.#options.socket.destroy()

  #leave(): void {
    const { socket } = this.#options
    socket.off('close', this.#gone)
    socket.off('end', this.#ended)
  }

  cut(why: CaucusError): void {
    if (this.#isAnswered) {
      this.#options.socket.destroy()
    } else {
      this.#leave()
      this.#end({ type: 'unreached', why: why.message })
    }
    this.#far?.destroy()
    this.#outgoing.destroy()
  }

  #end(passed: Passed): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#options.ended(passed)
  }
}

const headOf = ({ statusCode = 502, statusMessage }: IncomingMessage, headers: readonly string[]): Buffer => {
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage ?? STATUS_CODES[statusCode]}`]
  for (let i = 0; i + 1 < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`)
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}

/** What comes from the one goes to the other, and where the one ends the other does. `done` is called once both are closed. */
const join = (one: Duplex, other: Duplex, done: () => void): void => {
  let limit: NodeJS.Timeout | undefined
  const endSoon = () => {
    limit ??= setTimeout(() => {
      one.destroy()
      other.destroy()
    }, LAST_WORD_MS)
  }
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.pipe(to)
    from.once('end', endSoon)
    from.once('close', () => {
      // What was read to its end is still being written.
      if (!from.readableEnded) to.destroy()
      else if (!to.writableEnded) to.end()
      if (!to.closed) return endSoon()
      clearTimeout(limit)
      done()
    })
  }
}
