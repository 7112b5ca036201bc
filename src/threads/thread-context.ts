import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { TraceContext } from '../core/dispatch/link-messages.ts'
import { type ErrorBody, errorFromWire } from '../errors.ts'
import { type Asked, sharedNowMs, type ThreadContext } from './messages.ts'

/** A request, as its handler in a thread sees it. */
export class ThreadRequest implements ThreadContext {
  readonly from: string
  readonly topic: string
  readonly trace: TraceContext | undefined
  /** What goes over with the reply. */
  readonly transferred: ArrayBuffer[] = []
  readonly #port: MessagePort
  readonly #deadlineMs: number
  #controller: AbortController | undefined

  constructor({ from, topic, deadlineMs, trace }: Asked, port: MessagePort) {
    this.from = from
    this.topic = topic
    this.trace = trace
    this.#deadlineMs = deadlineMs
    this.#port = port
  }

  get remainingMs(): number {
    return Math.max(0, this.#deadlineMs - sharedNowMs())
  }

  /** Made when a handler asks for it; until then nothing listens. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      this.#port.on('message', this.#calledOff)
      this.#alsoWhenBlocked(this.#controller.signal)
    }
    return this.#controller.signal
  }

  transfer(...buffers: readonly ArrayBuffer[]): void {
    this.transferred.push(...buffers)
  }

  /** It has answered, or failed: nobody can call it off any more. */
  end(): void {
    if (this.#controller !== undefined) this.#port.off('message', this.#calledOff)
  }

  readonly #calledOff = (body: ErrorBody) => this.#controller?.abort(errorFromWire(body))

  /** A loop that computes lets no message in: so reading its signal looks for one, and `if (signal.aborted)` works there, too. */
  #alsoWhenBlocked(signal: AbortSignal): void {
    const aborted = () => Reflect.get(AbortSignal.prototype, 'aborted', signal) === true
    const look = () => {
      const message: { message: ErrorBody } | undefined = aborted() ? undefined : receiveMessageOnPort(this.#port)
      if (message !== undefined) this.#calledOff(message.message)
    }
    Object.defineProperties(signal, {
      aborted: {
        get: () => {
          look()
          return aborted()
        },
      },
      throwIfAborted: {
        value: () => {
          look()
          AbortSignal.prototype.throwIfAborted.call(signal)
        },
      },
    })
  }
}
