import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import type { CaucusError } from '../../errors.ts'
import { hasBody, headersBack } from './headers.ts'
import { lost, type Onward, sendOnward } from './outgoing.ts'
import type { Pipe } from './pipes.ts'

/** How it ended, as far as somebody else has to do something about it. */
export type Passed =
  /** The answer is the caller's, or the caller has gone. */
  | { readonly type: 'done' }
  /** Nothing was sent. */
  | { readonly type: 'unreached'; readonly why: string }
  | { readonly type: 'failed'; readonly error: CaucusError }

export interface RequestPipeOptions extends Onward {
  readonly response: ServerResponse
  /** From now on the response is this one's alone. */
  begun(): void
  ended(passed: Passed): void
}

const EVENTS = /^text\/event-stream(?:;|$)/i

/** One request that another peer answers. Neither its body nor the answer is ever kept as a whole: whoever reads slowly is written to slowly. */
export class RequestPipe implements Pipe {
  readonly #options: RequestPipeOptions
  readonly #outgoing: ClientRequest
  #sent = false
  #answer: IncomingMessage | undefined
  #isOver = false

  constructor(options: RequestPipeOptions) {
    this.#options = options
    const { response } = options
    this.#outgoing = sendOnward(options, {
      connected: () => this.#send(),
      answered: (answer) => this.#take(answer),
      failed: (error) => this.#failed(error),
    })
    // Whether it has its answer or has gone away: nobody needs any more of it.
    response.once('close', this.#callerClosed)
  }

  get to() {
    return this.#options.to
  }

  get caller() {
    return this.#options.caller
  }

  get isEndless(): boolean {
    return EVENTS.test(this.#answer?.headers['content-type'] ?? '')
  }

  #send(): void {
    this.#sent = true
    const { request } = this.#options
    if (hasBody(request)) request.pipe(this.#outgoing)
    else this.#outgoing.end()
  }

  #take(answer: IncomingMessage): void {
    const { response, begun } = this.#options
    if (this.#isOver) return void answer.destroy()
    this.#answer = answer
    begun()
    // Its own date comes with it.
    response.sendDate = false
    // Whoever has gone away is told by `close`.
    response.on('error', () => this.#outgoing.destroy())
    try {
      response.writeHead(answer.statusCode ?? 502, answer.statusMessage ?? '', headersBack(answer))
    } catch {
      // Node's server does not say all that its client takes, as control characters behind the status. No peer of ours sends them.
      response.destroy()
      return
    }
    answer.pipe(response)
    // A head whose body takes its time is worth a packet of its own.
    setImmediate(() => {
      if (!response.destroyed && !response.writableEnded) response.flushHeaders()
    })
    answer.once('close', () => {
      if (!answer.complete && !response.writableEnded) response.destroy()
    })
    // Told by `close` too.
    answer.on('error', () => undefined)
  }

  readonly #callerClosed = (): void => {
    // Of a body that was too long, the rest is not passed on; a connection in the middle of it is of no more use.
    if (this.#answer?.complete !== true || !this.#outgoing.writableFinished) this.#outgoing.destroy()
    this.#end({ type: 'done' })
  }

  #failed(error: Error): void {
    if (this.#answer !== undefined) return
    this.#leave()
    if (!this.#sent) this.#end({ type: 'unreached', why: error.message })
    else this.#end({ type: 'failed', error: lost(this.to, error) })
  }

  /** The request is somebody else's again. */
  #leave(): void {
    const { request, response } = this.#options
    request.unpipe(this.#outgoing)
    response.off('close', this.#callerClosed)
  }

  cut(why: CaucusError): void {
    const { response } = this.#options
    if (this.#answer === undefined) {
      this.#leave()
      this.#end(this.#sent ? { type: 'failed', error: why } : { type: 'unreached', why: why.message })
    } else if (this.isEndless) {
      // A reader of events takes an end for what it is, and comes again.
      this.#answer.unpipe(response)
      response.end()
    } else {
      response.destroy()
    }
    this.#outgoing.destroy()
  }

  #end(passed: Passed): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#options.ended(passed)
  }
}
