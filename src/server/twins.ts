import type { Socket } from 'node:net'

interface Claim {
  readonly session: string
  /** The connection that polled last under this id, while it is open. */
  latest: Socket | undefined
  sockets: number
  switches: number
}

/**
 * Notices two live clients that poll under one session id: a wire without incarnations cannot tell them apart, but a pair of
 * kept-alive connections that take turns gives them away. A client that connects anew changes over once and never back.
 *
 * Connections that carry several ids are a proxy's, and say nothing.
 */
export class Twins {
  readonly #claims = new Map<string, Claim>()
  readonly #bySocket = new WeakMap<Socket, Claim | 'several'>()

  /** True once for each session id, when it has become clear. */
  polled(session: string, socket: Socket): boolean {
    const claim = this.#bySocket.get(socket)
    if (claim === 'several') return false
    if (claim === undefined) return this.#switched(this.#claim(session, socket), socket)
    if (claim.session === session) return claim.latest !== socket && this.#switched(claim, socket)
    this.#bySocket.set(socket, 'several')
    this.#release(claim, socket)
    return false
  }

  #claim(session: string, socket: Socket): Claim {
    const claim = this.#claims.get(session) ?? { session, latest: undefined, sockets: 0, switches: 0 }
    claim.sockets++
    this.#claims.set(session, claim)
    this.#bySocket.set(socket, claim)
    socket.once('close', () => {
      if (this.#bySocket.get(socket) === claim) this.#release(claim, socket)
    })
    return claim
  }

  #switched(claim: Claim, socket: Socket): boolean {
    const other = claim.latest
    claim.latest = socket
    return other !== undefined && other !== socket && ++claim.switches === 2
  }

  #release(claim: Claim, socket: Socket): void {
    if (claim.latest === socket) claim.latest = undefined
    if (--claim.sockets === 0) this.#claims.delete(claim.session)
  }
}
