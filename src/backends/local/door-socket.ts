import { CaucusError } from '../../errors.ts'
import type { FrameSocket, OpenSocket, SocketOptions, SocketSink } from '../../ports/socket.ts'
import type { Latest } from '../../runtime/latest.ts'
import { LINK_PATH } from '../../wire/frames.ts'
import type { Door, DoorView } from './door.ts'

/** Knows where whoever coordinates is reached: a `Keeper`. */
export interface Doorkeeper {
  readonly doors: Latest<DoorView>
  /** A connection to it was lost. */
  doubt(door: Door): void
}

/**
 * Opens WebSockets to whoever coordinates on this machine. One that is opened while nobody does waits for that; one to somebody whose term is
 * over ends at once, though nothing may come from there that says so: a process that stands still closes nothing.
 */
export const throughDoor =
  (keeper: Doorkeeper, open: OpenSocket): OpenSocket =>
  (options, sink) =>
    new DoorSocket(keeper, open, options, sink)

class DoorSocket implements FrameSocket {
  readonly #keeper: Doorkeeper
  readonly #openSocket: OpenSocket
  readonly #options: SocketOptions
  readonly #sink: SocketSink
  readonly #views: ReturnType<Doorkeeper['doors']['watch']>
  #door: Door | undefined
  #socket: FrameSocket | undefined
  #isOver = false

  constructor(keeper: Doorkeeper, openSocket: OpenSocket, options: SocketOptions, sink: SocketSink) {
    this.#keeper = keeper
    this.#openSocket = openSocket
    this.#options = options
    this.#sink = sink
    this.#views = keeper.doors.watch()
    void this.#follow()
  }

  get open(): boolean {
    return this.#socket?.open ?? false
  }

  get bufferedBytes(): number {
    return this.#socket?.bufferedBytes ?? 0
  }

  send(frame: string): void {
    this.#socket?.send(frame)
  }

  sendBytes(frame: Uint8Array): void {
    this.#socket?.sendBytes(frame)
  }

  ping(): void {
    this.#socket?.ping()
  }

  fail(error: CaucusError): void {
    if (this.#socket === undefined) this.#closed(error)
    else this.#socket.fail(error)
  }

  close(gone: () => void): void {
    this.#end()
    if (this.#socket === undefined) gone()
    else this.#socket.close(gone)
  }

  terminate(): void {
    this.#socket?.terminate()
  }

  /** Later than in this turn, since nobody is told anything before a socket is there. */
  async #follow(): Promise<void> {
    for await (const view of this.#views) this.#read(view)
    if (this.#socket === undefined)
      this.#closed(new CaucusError('CAUCUS_CONNECTION_LOST', 'this connection was closed'))
  }

  #read(view: DoorView): void {
    if (this.#isOver || view === undefined) return
    if (view instanceof CaucusError) {
      if (this.#socket === undefined) this.#closed(view)
    } else if (this.#door === undefined) this.#enter(view)
    else if (view.term !== this.#door.term) this.fail(isOver(this.#door))
  }

  #enter(door: Door): void {
    this.#door = door
    const { opened, text, bytes, heard } = this.#sink
    const url = `${door.url.replace(/^http/, 'ws')}${LINK_PATH}`
    this.#socket = this.#openSocket(
      { ...this.#options, url, token: door.token },
      { opened, text, bytes, heard, closed: (error) => this.#closed(error) },
    )
  }

  #closed(error: CaucusError): void {
    if (this.#isOver) return
    this.#end()
    if (this.#door !== undefined) this.#keeper.doubt(this.#door)
    this.#sink.closed(error)
  }

  #end(): void {
    this.#isOver = true
    void this.#views.return()
  }
}

const isOver = ({ url }: Door): CaucusError =>
  new CaucusError('CAUCUS_CONNECTION_LOST', `the process at ${url} does not coordinate any more; another one does`)
