import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { CaucusError } from '../errors.ts'

/** So many more are told that it is too much; who goes on even then does not read. */
const TOLD = 8

/**
 * Requests of one connection that came before the one before them was answered. Answers wait for each other, and all of them are made at once:
 * one packet of short requests for long answers would fill the memory.
 */
export class Pipelines {
  readonly #limit: number
  readonly #waiting = new WeakMap<Socket, number>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** `undefined`: go on. */
  check({ socket }: IncomingMessage, response: ServerResponse): CaucusError | undefined {
    // It has the connection for itself, as nearly always.
    if (response.socket !== null) return undefined
    const waiting = (this.#waiting.get(socket) ?? 0) + 1
    this.#waiting.set(socket, waiting)
    response.once('finish', () => this.#waiting.set(socket, (this.#waiting.get(socket) ?? 1) - 1))
    if (waiting <= this.#limit) return undefined
    if (waiting > this.#limit + TOLD) socket.destroy()
    return new CaucusError(
      'CAUCUS_OVERLOADED',
      `${this.#limit} requests wait for their answers on this connection; read them, or ask over several`,
    )
  }
}
