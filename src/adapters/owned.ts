import type { IncomingMessage, ServerResponse } from 'node:http'
import type { MemberView } from '../core/group/view.ts'
import { CaucusError } from '../errors.ts'
import { forward, hasBody } from './forward.ts'
import { Owners, type RosterSource, type ShareChanges } from './owners.ts'
import {
  baseOf,
  FORWARDED,
  incomingOf,
  locationOf,
  outgoingOf,
  pathOf,
  refuse,
  type WebRequest,
  type WebResponse,
} from './web.ts'

/** Of a `Membership` as much as a web server needs. */
export interface OwnedMembership extends ShareChanges {
  readonly id: string
  /** The fencing token of the key while this process owns it; `undefined` otherwise. */
  token(key: string): number | undefined
}

/** Of `owned()`: what a request is about, and what becomes of one whose key another member has. */
export interface OwnedOptions<Request = WebRequest> {
  /** Which key a request is about, as in `membership.owns(key)`. `undefined`: about none, and it goes through wherever it arrives. */
  readonly key: (request: Request) => string | undefined
  /**
   * What becomes of a request whose key another member has: `forward` (default) passes it on and its answer back, `redirect` answers 307 with
   * that member's address, `refuse` answers 503. While a key moves it is 503 in any case, with `Retry-After`.
   */
  readonly otherwise?: 'forward' | 'redirect' | 'refuse'
  /** Where a member's own web server is. Default: the `url` of its metadata. */
  readonly urlOf?: (member: MemberView) => string | undefined
  /** How long the owner may be silent before its answer begins. Default 30 000. */
  readonly silenceMs?: number
  /** The longest body that is passed on. Default 10 MiB. */
  readonly maxBodyBytes?: number
}

/** Of Express and Connect a middleware, of Fastify an `onRequest` hook. */
export type Owned<Request = WebRequest> = (
  request: Request & WebRequest,
  response: WebResponse,
  next: (error?: Error) => void,
) => void

/** With which token whoever owns the key writes: on the request, once it has gone through. */
export const TOKEN_HEADER = 'x-caucus-token'
/** On an answer: the key is not here either, and nothing was done. */
const NOT_HERE = 'x-caucus-not-here'

const WAYS = ['forward', 'redirect', 'refuse']
const KNOWN = ['key', 'otherwise', 'urlOf', 'silenceMs', 'maxBodyBytes']
const MAX_TIMER_MS = 2 ** 31 - 1

/**
 * Lets a request through where its key is owned, by the clock at that moment, and sends it there from everywhere else:
 * `app.use('/carts/:id', owned(group, membership, { key: (request) => request.params.id }))` in Express, the same as an `onRequest` hook in
 * Fastify. What goes through carries the fencing token as `x-caucus-token`. To forward, it comes before whatever reads bodies. A request is
 * passed on once and no further. Throws `CAUCUS_INVALID_ARGUMENT`.
 */
export const owned = <Request = WebRequest>(
  group: RosterSource,
  membership: OwnedMembership,
  options: OwnedOptions<Request>,
): Owned<Request> => {
  requireOne(group, membership)
  const way = checked(options)
  const owners = new Owners(group, membership)
  return (request, response, next) => {
    const incoming = incomingOf(request)
    // Whoever asks does not say with what is written here.
    delete incoming.headers[TOKEN_HEADER]
    let key: string | undefined
    let isIn: boolean
    try {
      key = options.key(request)
      isIn = key === undefined || letIn(membership, key, incoming)
    } catch (error) {
      return next(error instanceof Error ? error : new Error(String(error)))
    }
    // Not in there: what the handler throws is no reason to run it again.
    if (key === undefined || isIn) return next()
    const asked = { key, incoming, path: pathOf(request), next, response }
    void new Elsewhere(membership, owners, way, asked).answer()
  }
}

/** Whether the key is owned here, now; then the request says with which token. */
const letIn = (membership: OwnedMembership, key: string, incoming: IncomingMessage): boolean => {
  const token = membership.token(key)
  if (token === undefined) return false
  incoming.headers[TOKEN_HEADER] = String(token)
  return true
}

type Way = ReturnType<typeof checked>

interface Asked {
  readonly key: string
  readonly incoming: IncomingMessage
  readonly path: string
  readonly response: WebResponse
  next(error?: Error): void
}

/** One request whose key was not owned here when it came. */
class Elsewhere {
  readonly #membership: OwnedMembership
  readonly #owners: Owners
  readonly #way: Way
  readonly #asked: Asked
  #outgoing: ServerResponse | undefined

  constructor(membership: OwnedMembership, owners: Owners, way: Way, asked: Asked) {
    this.#membership = membership
    this.#owners = owners
    this.#way = way
    this.#asked = asked
  }

  async answer(): Promise<void> {
    const { incoming, next } = this.#asked
    let came: 'again' | 'here' | undefined
    try {
      // Whoever passed it on took this member for the owner, and is to look again; another one must not be asked in its place.
      if (incoming.headers[FORWARDED] !== undefined) return this.#refuse(notHere(), { [NOT_HERE]: '1' })
      if (this.#way.otherwise === 'refuse') return this.#refuse(notHere())
      if (hasBody(incoming) && incoming.readableDidRead) return next(readAlready())
      came = await this.#attempt()
      if (came === 'again') await this.#attempt({ isLast: true })
    } catch (error) {
      return this.#refuse(asUnavailable(error))
    }
    // Not in there: what the handler throws says nothing about who owns the key, and it may have done something.
    if (came === 'here') next()
  }

  /** `again`: the roster was behind, nothing was done, and it can be said once more. `here`: the key came here meanwhile. */
  async #attempt({ isLast = false } = {}): Promise<'again' | 'here' | undefined> {
    const { key, incoming, path } = this.#asked
    const owner = await this.#owners.of(key)
    // It may have come here meanwhile. After an attempt the answer is ours, and whatever runs here could not give one.
    if (this.#outgoing === undefined && letIn(this.#membership, key, incoming)) return 'here'
    if (owner === undefined || owner.id === this.#membership.id) {
      this.#owners.doubt()
      return this.#refuse(moving())
    }
    const base = baseOf(this.#way.urlOf(owner))
    if (base === undefined) return this.#refuse(withoutUrl(owner))
    if (this.#way.otherwise === 'redirect') return this.#redirect(base, path)
    return this.#forward(owner, base, { isLast })
  }

  async #forward(owner: MemberView, base: URL, { isLast }: { isLast: boolean }): Promise<'again' | undefined> {
    const { incoming, path } = this.#asked
    const canRepeat = !isLast && !hasBody(incoming)
    const came = await forward(incoming, this.#mine(), {
      base,
      path,
      headers: { [FORWARDED]: '1' },
      who: `${owner.id}, who owns the key,`,
      silenceMs: this.#way.silenceMs,
      maxBodyBytes: this.#way.maxBodyBytes,
      isRefusal: ({ headers }) => {
        if (headers[NOT_HERE] === undefined) return false
        this.#owners.doubt()
        return canRepeat
      },
    })
    if (came === 'answered') return undefined
    this.#owners.doubt()
    if (canRepeat) return 'again'
    return this.#refuse(unreachable(owner))
  }

  #redirect(base: URL, path: string): undefined {
    this.#mine()
      .writeHead(307, { location: locationOf(base, path), 'cache-control': 'no-store' })
      .end()
  }

  #refuse(error: CaucusError, headers: Record<string, string> = {}): undefined {
    // Each of them means: not now, and nothing was done.
    refuse(this.#mine(), error, { status: 503, headers })
  }

  #mine(): ServerResponse {
    this.#outgoing ??= outgoingOf(this.#asked.response)
    return this.#outgoing
  }
}

/** Only what a member says of itself leads anywhere, never what a request says. */
const urlInMetadata = ({ metadata }: MemberView): string | undefined => {
  const { url } = (metadata ?? {}) as { readonly url?: unknown }
  return typeof url === 'string' ? url : undefined
}

/** Other things than a group and a membership of it would be noticed by the first request only, or never. */
const requireOne = (group: RosterSource, membership: OwnedMembership): void => {
  if (typeof group?.view !== 'function') throw invalid('takes a group first, as caucus.group(name) gives it')
  if (typeof membership?.token !== 'function' || typeof membership.watch !== 'function')
    throw invalid('takes a membership second, as `await group.join(…)` gives it')
  const [a, b] = [nameOf(group, 'name'), nameOf(membership, 'group')]
  if (a !== undefined && b !== undefined && a !== b)
    throw invalid(`takes a group and a membership of the same; these are of ${a} and ${b}`)
}

/** Of a `Group` or a `Membership`; whatever else has the methods need not have a name. */
const nameOf = (of: object, key: string): string | undefined => {
  const name: unknown = Reflect.get(of, key)
  return typeof name === 'string' ? JSON.stringify(name) : undefined
}

const checked = <Request>(options: OwnedOptions<Request>) => {
  if (typeof options !== 'object' || options === null || typeof options.key !== 'function')
    throw invalid('takes { key }, a function from a request to its key')
  for (const name of Object.keys(options)) {
    if (!KNOWN.includes(name)) throw invalid(`knows no option "${name.slice(0, 64)}"; it takes ${KNOWN.join(', ')}`)
  }
  const { otherwise = 'forward', urlOf = urlInMetadata, silenceMs = 30_000, maxBodyBytes = 10 * 2 ** 20 } = options
  if (!WAYS.includes(otherwise)) throw invalid(`{ otherwise } takes one of ${WAYS.join(', ')}`)
  if (typeof urlOf !== 'function') throw invalid('{ urlOf } takes a function from a member to its URL')
  if (!(silenceMs > 0 && silenceMs <= MAX_TIMER_MS))
    throw invalid(`{ silenceMs } is ${String(silenceMs).slice(0, 64)}; give milliseconds from 1 to ${MAX_TIMER_MS}`)
  if (!(maxBodyBytes >= 0))
    throw invalid(`{ maxBodyBytes } is ${String(maxBodyBytes).slice(0, 64)}; give a number of bytes`)
  return { otherwise, urlOf, silenceMs, maxBodyBytes }
}

const invalid = (what: string): CaucusError => new CaucusError('CAUCUS_INVALID_ARGUMENT', `owned() ${what}`)

const moving = (): CaucusError =>
  new CaucusError('CAUCUS_NOT_SETTLED', 'nobody owns this key now: it is moving, or the group settles; try again')

const notHere = (): CaucusError => new CaucusError('CAUCUS_NOT_SETTLED', 'this key is not owned here; try again')

const withoutUrl = ({ id }: MemberView): CaucusError =>
  new CaucusError(
    'CAUCUS_UNAVAILABLE',
    `${id}, who owns the key, does not say where its web server is: give join() the metadata { url: 'http://HOST:PORT' }, or owned() a urlOf`,
  )

const unreachable = ({ id }: MemberView): CaucusError =>
  new CaucusError('CAUCUS_UNAVAILABLE', `${id}, who owns the key, could not be reached; nothing was done`)

const asUnavailable = (cause: unknown): CaucusError =>
  new CaucusError('CAUCUS_UNAVAILABLE', 'who owns the key cannot be found out now; try again', { cause })

const readAlready = (): CaucusError =>
  new CaucusError(
    'CAUCUS_INVALID_CONFIG',
    'the body was read before owned() could pass it on: put owned() before whatever parses bodies',
  )
