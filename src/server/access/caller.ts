import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { CaucusError } from '../../errors.ts'
import { type Access, hashOf, type Shown } from './access.ts'
import { namesOf } from './certificate.ts'
import type { Forwarded } from './forwarded.ts'
import { Principal } from './principal.ts'
import { networkOf } from './rates.ts'

/** Who asks, and from where. */
export interface Caller {
  readonly principal: Principal
  /** What it is found by again, once the entries have changed. */
  readonly shown: Shown
  readonly from: Address
  /** Where the peer is that has passed it on, where somebody has vouched for that one. */
  readonly through?: string
  /** What that peer has shown. */
  readonly by?: Shown
}

export interface Address {
  /** As logs say it. */
  readonly address: string
  /** Under which it is counted. */
  readonly network: string
}

const NOBODY = new Principal('nobody', 'nothing', [])
const NOTHING: Shown = { via: 'nothing' }

/** Finds out who is at the other end of a connection, once for each and not with every request. */
export class Callers {
  readonly #access: Access
  readonly #withCertificates: boolean
  readonly #connections = new WeakMap<Socket, Connection>()

  /** `withCertificates`: nobody gets here without a certificate of the server's authority. */
  constructor(access: Access, withCertificates: boolean) {
    this.#access = access
    this.#withCertificates = withCertificates
  }

  addressOf({ socket }: IncomingMessage): Address {
    return this.#connectionOf(socket).from
  }

  /** For routes that are for everybody: whoever it is, it may do nothing that somebody has to be allowed. */
  strangerOf(request: IncomingMessage): Caller {
    return { principal: NOBODY, shown: NOTHING, from: this.addressOf(request) }
  }

  callerOf({ socket, headers }: IncomingMessage): Caller | CaucusError {
    return this.#connectionOf(socket).callerOf(headers.authorization)
  }

  /** As `callerOf`, but without looking anything up: who has asked on this connection before, in the same way. */
  knownOf({ socket, headers }: IncomingMessage): Caller | undefined {
    return this.#connectionOf(socket).known(headers.authorization)
  }

  /**
   * Who asked whoever passed this on. The address that it says counts where somebody has vouched for it: without entries everybody may pass
   * something on, and could use up the part of any address, or as many parts as it likes.
   */
  forwardedOf(by: Caller, { shown, address }: Forwarded): Caller | CaucusError {
    const principal = this.#access.principalOf(shown)
    if (principal === undefined) return refusalOf(shown, this.#access)
    const asker = { principal, shown, by: by.shown }
    if (!isVouchedFor(by.principal, this.#access)) return { ...asker, from: by.from }
    return { ...asker, from: { address, network: networkOf(address) }, through: by.from.address }
  }

  /** For a connection that carries no more requests: what its last one said about itself has a token in it. */
  forget({ socket }: IncomingMessage): void {
    this.#connections.delete(socket)
  }

  #connectionOf(socket: Socket): Connection {
    const known = this.#connections.get(socket)
    if (known !== undefined) return known
    const names = this.#withCertificates && socket instanceof TLSSocket ? certified(socket) : undefined
    const connection = new Connection(this.#access, socket.remoteAddress ?? 'unknown', names)
    this.#connections.set(socket, connection)
    return connection
  }
}

/** True where an entry names it. */
export const isVouchedFor = ({ via }: Principal, { open }: Access): boolean => !open && via !== 'nothing'

const certified = (socket: TLSSocket): readonly string[] =>
  socket.authorized ? namesOf(socket.getPeerCertificate()) : []

class Connection {
  readonly from: Address
  readonly #access: Access
  /** Of its certificate; undefined where none is asked for. */
  readonly #names: readonly string[] | undefined
  #last: { readonly authorization: string; readonly version: number; readonly caller: Caller } | undefined

  constructor(access: Access, address: string, names: readonly string[] | undefined) {
    this.#access = access
    this.from = { address, network: networkOf(address) }
    this.#names = names
  }

  known(authorization = ''): Caller | undefined {
    const last = this.#last
    const isStill = last?.version === this.#access.version && isSame(last.authorization, authorization)
    return isStill ? last.caller : undefined
  }

  callerOf(authorization = ''): Caller | CaucusError {
    const known = this.known(authorization)
    if (known !== undefined) return known
    const shown = this.#shown(authorization)
    const principal = this.#access.principalOf(shown)
    if (principal === undefined) return refusalOf(shown, this.#access)
    const caller = { principal, shown, from: this.from }
    this.#last = { authorization, version: this.#access.version, caller }
    return caller
  }

  /** A token goes before the certificate: it was sent on purpose. */
  #shown(authorization: string): Shown {
    if (!this.#access.open) {
      const token = /^bearer +(\S+)$/i.exec(authorization)?.[1]
      if (token !== undefined) return { via: 'token', hash: hashOf(token) }
    }
    return this.#names === undefined ? NOTHING : { via: 'certificate', names: this.#names }
  }
}

/** Why nobody is known by that. */
const refusalOf = (shown: Shown, access: Access): CaucusError => {
  if (shown.via === 'certificate' && access.namesCertificates) {
    const [name] = shown.names
    return new CaucusError(
      'CAUCUS_FORBIDDEN',
      name === undefined
        ? 'the certificate has no name that can be used; its subject alternative name, or else its common name, has to be 1 to 256 bytes without control characters'
        : `no entry of this server names the certificate of ${JSON.stringify(name)}; add one with "identity", or send a token`,
      { details: { names: shown.names } },
    )
  }
  return new CaucusError(
    'CAUCUS_UNAUTHORIZED',
    `${shown.via === 'token' ? 'the token is wrong, or not valid any more' : 'a token is needed'}: send Authorization: Bearer TOKEN with one that this server knows`,
  )
}

/** Takes as long whichever character differs: behind a proxy, the one before may have been somebody else's. */
const isSame = (left: string, right: string): boolean => {
  if (left.length !== right.length) return false
  let different = 0
  for (let i = 0; i < left.length; i++) different |= left.charCodeAt(i) ^ right.charCodeAt(i)
  return different === 0
}
