import type { IncomingMessage } from 'node:http'
import { isIP, type Socket } from 'node:net'
import { CaucusError } from '../errors.ts'
import type { Desk } from './access/desk.ts'
import { isLoopback } from './address.ts'
import { invalid } from './answers.ts'

export interface GuardOptions {
  /** Listening where only this machine can come from. */
  readonly loopback: boolean
  readonly host: string
  /** Where somebody has to show a token or a certificate. */
  readonly closed: boolean
  readonly desk: Desk
  readonly secure: boolean
  readonly urlBytes: number
  /** How many lines of headers. */
  readonly headers: number
}

const HOST = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i

/** Decides on every request, upgrades included, before anything is done about it. */
export class Guard {
  /** Set when the server stops taking requests. */
  closing = false
  readonly #options: GuardOptions
  /** Hosts that have been found right, exactly as they were written: nearly every request has one of them. */
  readonly #known = new Set<string>()
  /** Connections beyond a limit, which are answered once and closed. */
  readonly #surplus = new Map<Socket, CaucusError>()

  constructor(options: GuardOptions) {
    this.#options = options
  }

  addSurplus(socket: Socket, fault: CaucusError): void {
    this.#surplus.set(socket, fault)
    socket.once('close', () => this.#surplus.delete(socket))
  }

  /** `undefined`: go on. */
  check(request: IncomingMessage): CaucusError | undefined {
    const { headers, rawHeaders, url = '' } = request
    const surplus = this.#surplus.size === 0 ? undefined : this.#surplus.get(request.socket)
    if (surplus !== undefined) return surplus
    if (this.closing) return new CaucusError('CAUCUS_UNAVAILABLE', 'this server is stopping; try again later')
    if (url.length > this.#options.urlBytes) {
      return new CaucusError('CAUCUS_TOO_LARGE', `the URL has at most ${this.#options.urlBytes} bytes`)
    }
    if (rawHeaders.length > 2 * this.#options.headers) {
      return new CaucusError('CAUCUS_TOO_LARGE', `a request has at most ${this.#options.headers} headers`)
    }
    const { host } = headers
    if (host === undefined || !this.#known.has(host)) {
      const fault = this.#hostFault(request)
      if (fault !== undefined) return fault
    }
    if (headers.origin !== undefined) {
      const fault = this.#originFault(headers.origin, host)
      if (fault !== undefined) return fault
    }
    return this.#options.desk.identify(request)
  }

  /** A browser that was led here by a name of somebody else's (DNS rebinding) still says that name. */
  #hostFault({ headers: { host }, httpVersion }: IncomingMessage): CaucusError | undefined {
    if (host === undefined) {
      // HTTP/1.0 has none, and no browser speaks it.
      return httpVersion === '1.0' ? undefined : invalid('the request has no Host header')
    }
    const [, address, name] = HOST.exec(host) ?? []
    const named = (address ?? name)?.toLowerCase().replace(/\.$/, '')
    if (named === undefined) return invalid('the Host header is not a name or an address with a port')
    const fault = this.#nameFault(named)
    if (fault !== undefined) return fault
    // A client that makes up names must not fill the memory.
    if (this.#known.size < 100) this.#known.add(host)
    return undefined
  }

  /** A browser does not say `Origin` with a GET of its own page, so the name alone has to show whose page that is. */
  #nameFault(name: string): CaucusError | undefined {
    const { loopback, host } = this.#options
    if (name === 'localhost' || name === host.toLowerCase()) return undefined
    if (loopback) {
      if (isLoopback(name)) return undefined
      return new CaucusError(
        'CAUCUS_FORBIDDEN',
        'this server is only for its own machine: call it as localhost, 127.0.0.1 or the address that it listens on',
      )
    }
    // No page can know the token. Without one: names with a dot are for sale, and may be led to any address.
    if (this.#options.closed || isIP(name) !== 0 || !name.includes('.')) return undefined
    return new CaucusError(
      'CAUCUS_FORBIDDEN',
      'this server has no token: call it by its address, by a name without a dot or by the name that it listens on, or start it with a token',
    )
  }

  #originFault(origin: string, host: string | undefined): CaucusError | undefined {
    const own = `${this.#options.secure ? 'https' : 'http'}://${host}`
    if (origin.toLowerCase() === own.toLowerCase()) return undefined
    return new CaucusError('CAUCUS_FORBIDDEN', 'web pages of another origin may not call this server')
  }
}
