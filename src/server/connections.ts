import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import type { Guard } from './guard.ts'
import type { ServerLimits } from './options.ts'

/** Every open connection: how many there are, and whether somebody reads what was written to each. */
export class Connections {
  /** With the bytes that waited to be read when it was looked at last. */
  readonly #open = new Map<Socket, number>()
  readonly #timer: NodeJS.Timeout

  constructor(server: Server, { connections, silenceMs }: ServerLimits, guard: Guard) {
    // Beyond the limit some are still taken, to be told so; beyond those the system refuses.
    server.maxConnections = connections + 100
    server.on('connection', (socket: Socket) => {
      this.#open.set(socket, 0)
      socket.once('close', () => this.#open.delete(socket))
    })
    // Requests come from the socket that is encrypted, where one is.
    server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
      if (this.#open.size > connections) guard.addSurplus(socket)
    })
    this.#timer = setInterval(() => this.#look(), silenceMs)
    this.#timer.unref()
  }

  get size(): number {
    return this.#open.size
  }

  /** One look at all now and then costs less than a timer for each, which would be set anew with every request. */
  #look(): void {
    for (const [socket, waited] of this.#open) {
      const waiting = socket.writableLength
      if (waiting > 0 && waiting === waited) socket.destroy()
      else this.#open.set(socket, waiting)
    }
  }

  /** No more looks. */
  close(): void {
    clearInterval(this.#timer)
  }

  cutAll(): void {
    for (const socket of this.#open.keys()) socket.destroy()
  }
}
