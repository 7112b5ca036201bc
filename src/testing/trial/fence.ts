import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { memberOf } from './things.ts'

interface Write {
  readonly number: number
  readonly what: string
  readonly epoch: number
  readonly who: string
}

/** Calls `line` with every whole line of what `socket` says. */
const onLines = (socket: Socket, line: (text: string) => void): void => {
  let rest = ''
  socket.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() as string
    for (const each of lines) line(each)
  })
}

/**
 * A resource that keeps its part of the promise: of each thing it stores the highest epoch, and refuses lower ones. It runs apart from
 * every member, and is never part of a fault.
 */
export class FencedResource {
  readonly port: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #highest = new Map<string, Write>()
  accepted = 0
  refused = 0
  /** Two members that wrote under one epoch of one thing. */
  readonly shared: string[] = []

  static async open(): Promise<FencedResource> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new FencedResource(server)
  }

  private constructor(server: Server) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
      // A writer that was killed; what it had written was decided.
      socket.on('error', () => undefined)
      onLines(socket, (text) => {
        const write = JSON.parse(text) as Write
        socket.write(`${JSON.stringify({ number: write.number, ok: this.#decide(write) })}\n`)
      })
    })
  }

  #decide(write: Write): boolean {
    const highest = this.#highest.get(write.what)
    if (highest !== undefined && write.epoch < highest.epoch) {
      this.refused++
      return false
    }
    if (highest?.epoch === write.epoch && memberOf(highest.who) !== memberOf(write.who)) {
      this.shared.push(`${highest.who} and ${write.who} both wrote ${write.what} under epoch ${write.epoch}`)
    }
    this.#highest.set(write.what, write)
    this.accepted++
    return true
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

/** A member's connection to the resource. */
export class FenceClient {
  readonly #who: string
  readonly #socket: Socket
  readonly #waiting = new Map<number, (ok: boolean | undefined) => void>()
  #number = 0

  constructor(who: string, port: number) {
    this.#who = who
    this.#socket = connect(port, '127.0.0.1')
    this.#socket.unref()
    // The trial is over: there is nothing to write to any more, which `close` tells whoever waits.
    this.#socket.on('error', () => undefined)
    this.#socket.once('close', () => {
      for (const answer of this.#waiting.values()) answer(undefined)
      this.#waiting.clear()
    })
    onLines(this.#socket, (text) => {
      const { number, ok } = JSON.parse(text) as { number: number; ok: boolean }
      this.#waiting.get(number)?.(ok)
      this.#waiting.delete(number)
    })
  }

  /** Whether it was taken; `undefined` when nobody can say. */
  write(what: string, epoch: number): Promise<boolean | undefined> {
    const number = ++this.#number
    return new Promise((resolve) => {
      if (this.#socket.destroyed) return resolve(undefined)
      this.#waiting.set(number, resolve)
      this.#socket.write(`${JSON.stringify({ number, what, epoch, who: this.#who } satisfies Write)}\n`)
    })
  }
}
