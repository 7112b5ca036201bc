import { PROTOCOL } from '../core/group/messages.ts'
import type { Millis } from '../core/time.ts'
import { isCaucusError } from '../errors.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { AcceptedSink, AcceptedSocket } from '../ports/socket.ts'
import type { Protocol } from '../wire/versions.ts'
import type { Gate } from './access/link-gate.ts'
import { Link, type LinkOptions } from './link.ts'
import type { ServerCounts } from './metrics.ts'
import { Outbox } from './outbox.ts'

export interface LinksOptions extends LinkOptions {
  /** The grantor's. */
  readonly clock: Clock
  readonly limits: LinkOptions['limits'] & { readonly pingMs: Millis }
  /** Runs something once all sockets have been read that are ready. Default: `setImmediate`. */
  soon?(run: () => void): void
  readonly counts: LinkOptions['counts'] & Pick<ServerCounts, 'links'>
}

/** All links of this server: asks silent ones whether they are there, and cuts those that are not. */
export class Links {
  readonly #options: LinksOptions & { readonly outbox: Outbox }
  readonly #links = new Set<Link>()
  #timer: Timer | undefined

  constructor(options: LinksOptions) {
    const { soon = (run) => void setImmediate(run) } = options
    this.#options = { ...options, outbox: new Outbox(soon) }
    this.#lookLater()
  }

  /** A new link over the socket that `connect` gives, which tells its sink later, never before `connect` returns. */
  accept(connect: (sink: AcceptedSink) => AcceptedSocket, protocol: Protocol = PROTOCOL, gate?: Gate): void {
    const link: Link = new Link({ connect, protocol, gate, gone: () => this.#gone(link) }, this.#options)
    try {
      link.attach()
    } catch (error) {
      // The coordinator was closed between the check and here.
      if (!isCaucusError(error)) throw error
      link.sendAway(error.code)
      return
    }
    this.#links.add(link)
    this.#options.counts.links++
  }

  #gone(link: Link): void {
    if (this.#links.delete(link)) this.#options.counts.links--
  }

  #lookLater(): void {
    const { clock, limits } = this.#options
    const look = () => {
      for (const link of this.#links) link.look()
      this.#lookLater()
    }
    this.#timer = clock.setTimer(clock.now() + limits.pingMs, look, { ref: false })
  }

  /** Closes those whose client may not have one any more. Gives how many these are. */
  review(): number {
    let closed = 0
    for (const link of this.#links) if (link.review()) closed++
    return closed
  }

  /** Has every client look for another server, and says why. */
  sendAway(why: string): void {
    for (const link of this.#links) link.sendAway(why)
  }

  get size(): number {
    return this.#links.size
  }

  /** Tells every link to go away; whoever does not answer is cut by `terminate`. */
  close(): void {
    this.#timer?.clear()
    for (const link of this.#links) link.close()
  }

  terminate(): void {
    this.#timer?.clear()
    for (const link of this.#links) link.cut()
  }
}
