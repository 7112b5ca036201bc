import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import { CaucusError } from '../errors.ts'
import type { Quotas } from './access/quotas.ts'
import { networkOf } from './access/rates.ts'
import type { Guard } from './guard.ts'
import type { ServerCounts } from './metrics.ts'
import type { ServerLimits } from './options.ts'

/** Of those who are only told that there are too many: so much of it is for one address, since it may be that it never asks. */
const PART_TOLD = 1 / 4

const FULL = new CaucusError('CAUCUS_OVERLOADED', 'this server has its limit of connections; try again later')

export interface ConnectionsOptions {
  readonly server: Server
  readonly limits: Pick<ServerLimits, 'connections' | 'silenceMs' | 'waitingBytes'>
  /** How many beyond a limit are still taken, to be told so. */
  readonly told: number
  readonly guard: Pick<Guard, 'addSurplus'>
  readonly quotas: Quotas
  /** Some are of other voters, who connect for their own clients. */
  readonly withVoters?: boolean
  readonly counts: Pick<ServerCounts, 'connectionsDropped' | 'connectionsCut'>
}

/** Every open connection: how many there are, whose, and whether somebody reads what was written to each. */
export class Connections {
  readonly #options: ConnectionsOptions
  readonly #open = new Set<Socket>()
  /**
   * Those that are written to, with the bytes that had gone out when it was looked at last. Under TLS it is the encrypted socket: of the one
   * below it Node never says that anything waits.
   */
  readonly #written = new Map<Socket, number>()
  /** Those beyond a limit, by both ends of the connection: under TLS two sockets have the same. */
  readonly #surplus = new Map<string, CaucusError>()
  readonly #surplusOf = new Map<string, number>()
  /** Under which network each is counted, where that may change. */
  readonly #countedAs = new Map<string, string>()
  readonly #timers: readonly NodeJS.Timeout[]

  constructor(options: ConnectionsOptions) {
    this.#options = options
    const { server, limits, told, counts } = options
    server.maxConnections = limits.connections + told
    server.on('drop', () => void counts.connectionsDropped++)
    server.on('connection', (socket: Socket) => this.#opened(socket))
    // Requests come from the socket that is encrypted, where one is.
    server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => this.#ready(socket))
    this.#timers = [setInterval(() => this.#look(), limits.silenceMs), setInterval(() => this.#weigh(), WEIGH_EVERY_MS)]
    for (const timer of this.#timers) timer.unref()
  }

  get size(): number {
    return this.#open.size
  }

  #opened(socket: Socket): void {
    const { limits, quotas } = this.#options
    this.#open.add(socket)
    socket.once('close', () => this.#open.delete(socket))
    const network = networkOf(socket.remoteAddress ?? 'unknown')
    const fault = quotas.take('connections', 'address', network)
    if (fault !== undefined) return this.#tooMany(socket, network, fault)
    const end = this.#options.withVoters === true ? endOf(socket) : undefined
    if (end !== undefined) this.#countedAs.set(end, network)
    socket.once('close', () => {
      const countedAs = end === undefined ? undefined : this.#countedAs.get(end)
      if (end !== undefined) this.#countedAs.delete(end)
      quotas.release('connections', 'address', countedAs ?? network)
    })
    // Those who are only told take nobody's place.
    if (this.#open.size - this.#surplus.size > limits.connections) this.#tooMany(socket, network, FULL)
  }

  /** From now on it is counted as one of this network: another voter has opened it for a client from there. Why it cannot be, if it cannot. */
  countAs(network: string, socket: Socket): CaucusError | undefined {
    const end = endOf(socket)
    const before = this.#countedAs.get(end)
    if (before === undefined || before === network) return undefined
    const { quotas } = this.#options
    const fault = quotas.take('connections', 'address', network)
    if (fault !== undefined) return fault
    quotas.release('connections', 'address', before)
    this.#countedAs.set(end, network)
    return undefined
  }

  #tooMany(socket: Socket, network: string, fault: CaucusError): void {
    const others = this.#surplusOf.get(network) ?? 0
    const { told, counts } = this.#options
    if (others >= told * PART_TOLD || this.#surplus.size >= told) {
      counts.connectionsDropped++
      socket.destroy()
      return
    }
    const end = endOf(socket)
    this.#surplus.set(end, fault)
    this.#surplusOf.set(network, others + 1)
    socket.once('close', () => {
      this.#surplus.delete(end)
      const left = (this.#surplusOf.get(network) ?? 1) - 1
      if (left > 0) this.#surplusOf.set(network, left)
      else this.#surplusOf.delete(network)
    })
  }

  #ready(socket: Socket): void {
    this.#written.set(socket, NOTHING_WAITS)
    socket.once('close', () => this.#written.delete(socket))
    const fault = this.#surplus.size === 0 ? undefined : this.#surplus.get(endOf(socket))
    if (fault !== undefined) this.#options.guard.addSurplus(socket, fault)
  }

  /**
   * One look at all now and then costs less than a timer for each, which would be set anew with every request. It asks what has gone out:
   * what waits grows all the time for somebody who is written to and reads nothing.
   */
  #look(): void {
    for (const [socket, before] of this.#written) {
      const waits = socket.writableLength
      const goneOut = waits > 0 ? socket.bytesWritten - waits : NOTHING_WAITS
      this.#written.set(socket, goneOut)
      if (waits === 0 || goneOut !== before) continue
      this.#options.counts.connectionsCut++
      socket.destroy()
    }
  }

  /** Each may have something waiting for it, but not all of them as much as they may. Those with the most are those who do not read. */
  #weigh(): void {
    let all = 0
    for (const socket of this.#written.keys()) all += socket.writableLength
    const { limits, counts } = this.#options
    if (all <= limits.waitingBytes) return
    const waits = [...this.#written.keys()].map((socket) => ({ socket, bytes: socket.writableLength }))
    for (const { socket, bytes } of waits.sort((a, b) => b.bytes - a.bytes)) {
      // Some room, so that the next one who reads slowly is not cut at once.
      if (all <= limits.waitingBytes / 2) return
      all -= bytes
      counts.connectionsCut++
      socket.destroy()
    }
  }

  /** No more looks. */
  close(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }

  cutAll(): void {
    for (const socket of this.#open) socket.destroy()
  }
}

const WEIGH_EVERY_MS = 1_000
const NOTHING_WAITS = -1

const endOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`
