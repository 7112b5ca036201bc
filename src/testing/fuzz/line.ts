import { connect, type Socket } from 'node:net'

/** Longer than a server that is up ever takes, on a machine that is busy. */
const PATIENCE_MS = 20_000

export interface Target {
  readonly host: string
  readonly port: number
}

/** One connection of a fuzzer, below everything that would keep it from sending what is wrong. */
export class Line {
  readonly #socket: Socket
  readonly #onData: (chunk: Buffer) => void
  #wake: (() => void) | undefined
  #failure: string | undefined
  /** What was wrong with what came. */
  #fault: unknown
  #hasEnded = false
  isClosed = false
  isEnded = false

  /** Resolves once it is connected, and rejects when it cannot be. `from`: an address of this machine to come from. */
  static async open(target: Target, from: string | undefined, onData: (chunk: Buffer) => void): Promise<Line> {
    const line = new Line(target, from, onData)
    await line.until('to be connected', () => !line.#socket.connecting)
    if (line.#failure !== undefined) throw new Error(`cannot connect: ${line.#failure}`)
    return line
  }

  private constructor({ host, port }: Target, from: string | undefined, onData: (chunk: Buffer) => void) {
    this.#onData = onData
    this.#socket = connect({
      host,
      port,
      allowHalfOpen: true,
      noDelay: true,
      ...(from !== undefined && { localAddress: from }),
    })
    const woken = () => this.#wake?.()
    this.#socket.on('connect', woken)
    this.#socket.on('data', (chunk: Buffer) => {
      this.#take(chunk)
      woken()
    })
    this.#socket.on('end', () => {
      this.isEnded = true
      woken()
    })
    this.#socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#failure ??= error.code ?? error.message
    })
    this.#socket.on('close', () => {
      this.isClosed = true
      this.isEnded = true
      woken()
    })
  }

  #take(chunk: Buffer): void {
    if (this.#fault !== undefined) return
    try {
      this.#onData(chunk)
    } catch (error) {
      this.#fault = error
    }
  }

  /** Why it was closed by an error, such as ECONNRESET. */
  get failure(): string | undefined {
    return this.#failure
  }

  send(bytes: Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes)
  }

  /** Says that nothing more comes. */
  end(): void {
    this.#hasEnded = true
    this.#socket.end()
  }

  /** Leaves without a word; `reset`: as a machine does that knows nothing of the connection. */
  cut(reset = false): void {
    // Node never closes what it cannot reset: a socket that has been shut down.
    if (reset && !this.#hasEnded) this.#socket.resetAndDestroy()
    else this.#socket.destroy()
  }

  /** Reads nothing more, until `read`. */
  pause(): void {
    this.#socket.pause()
  }

  /** Resolves with true once `look` is true, or with false after so long. Throws what was wrong with what came, and when the server is not heard. */
  async until(what: string, look: () => boolean, withinMs?: number): Promise<boolean> {
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      this.#wake?.()
    }, withinMs ?? PATIENCE_MS)
    try {
      for (;;) {
        if (this.#fault !== undefined) throw this.#fault
        if (look()) return true
        if (this.isEnded || this.#failure !== undefined) return false
        if (isLate && withinMs !== undefined) return false
        if (isLate) throw new Error(`waited ${PATIENCE_MS / 1_000} s for the server ${what}`)
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    } finally {
      clearTimeout(timer)
      this.#wake = undefined
    }
  }
}
