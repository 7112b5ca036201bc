import { Agent, type IncomingMessage, type ServerResponse } from 'node:http'
import { Agent as SecureAgent } from 'node:https'
import type { Duplex } from 'node:stream'
import type { Instant, Millis } from '../../core/time.ts'
import { CaucusError, isCaucusError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { PeerAddressed, PeersHosting, Seat } from '../../ports/peers.ts'
import type { Caller } from '../access/caller.ts'
import type { Desk } from '../access/desk.ts'
import { encodeForwarded } from '../access/forwarded.ts'
import type { ServerCounts } from '../metrics.ts'
import type { ServerLimits } from '../options.ts'
import { requestHeaders, upgradeHeaders } from './headers.ts'
import { LinkPipe } from './link-pipe.ts'
import { Pipes } from './pipes.ts'
import { Places } from './places.ts'
import { type Passed, RequestPipe } from './request-pipe.ts'
import { Seats } from './seats.ts'

export interface ForwarderOptions {
  readonly peers: PeersHosting
  readonly desk: Desk
  readonly limits: Pick<ServerLimits, 'connections'>
  readonly counts: ServerCounts
  /** The grantor's. */
  readonly clock: Clock
  /** Called whenever it may be that this peer does not serve any more. */
  lostSeat(): void
}

/** What somebody waits for: its answer by somebody, wherever that is. */
interface Errand {
  readonly request: IncomingMessage
  /** Until then somebody has to be found who serves. */
  readonly until: Instant
  /** This peer serves. */
  here(): void
  /** Passes it on. `reached` is called once there is a connection, and `ended` once. */
  there(to: PeerAddressed, forwarded: string, told: { reached(): void; ended(passed: Passed): void }): void
  refuse(error: CaucusError): void
  /** Calls back, at most once, when whoever asked has gone. Gives what ends that. */
  onGone(gone: () => void): () => void
}

/** Whoever leads, as long as it cannot be reached from here. */
interface Unreached {
  readonly to: PeerAddressed
  readonly why: string
  /** Then one of those who wait tries again, and not all of them. */
  againAt: Instant
}

const AGAIN_AFTER_MS: Millis = 100
const RETRY_AFTER_MS: Millis = 1_000
/** Connections to whoever leads that are kept for the next request. */
const IDLE_CONNECTIONS = 64

/** Has whatever is asked of this peer done by the one that serves: itself, another one, or the next one. */
export class Forwarder {
  readonly #options: ForwarderOptions
  readonly #seats: Seats
  readonly #pipes: Pipes
  readonly #places: Places
  readonly #agent: Agent
  #unreached: Unreached | undefined
  #closing = false

  constructor(options: ForwarderOptions) {
    const { peers, clock, limits, counts, lostSeat } = options
    this.#options = options
    this.#pipes = new Pipes(clock, peers.patienceMs)
    this.#seats = new Seats(peers, clock, (seat) => {
      if (seat.type !== 'here') lostSeat()
      this.#pipes.moved(seat)
    })
    this.#places = new Places(limits.connections, counts)
    const pool = { keepAlive: true, maxFreeSockets: IDLE_CONNECTIONS }
    this.#agent =
      peers.credentials.tls === undefined ? new Agent(pool) : new SecureAgent({ ...pool, maxCachedSessions: 0 })
  }

  /** Calls `here` when this peer serves, maybe in a while, or `refuse`; or else answers by itself, once `begun` was called. */
  request(
    request: IncomingMessage,
    response: ServerResponse,
    { here, refuse, begun }: { here(): void; refuse(error: CaucusError): void; begun(): void },
  ): void {
    if (this.#seats.now.type === 'here') return here()
    const { peers, desk, counts } = this.#options
    const { credentials } = peers
    const there: Errand['there'] = (to, forwarded, { reached, ended }) => {
      const headers = requestHeaders(request, to, credentials, forwarded)
      const caller = desk.callerOf(request)
      const onward = { request, response, to, caller, credentials, headers, agent: this.#agent, reached, begun }
      this.#track(ended, (over) => new RequestPipe({ ...onward, ended: over }))
      counts.forwardedRequests++
    }
    const onGone: Errand['onGone'] = (gone) => {
      response.once('close', gone)
      return () => response.off('close', gone)
    }
    this.#begin({ request, until: this.#patience, here, there, refuse, onGone })
  }

  /** The same with a request for a link. */
  upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    { here, refuse }: { here(): void; refuse(error: CaucusError): void },
  ): void {
    if (this.#seats.now.type === 'here') return here()
    const { peers, desk, counts } = this.#options
    const { credentials } = peers
    const end = () => socket.destroy()
    // Nobody else listens yet, and an error would end the process.
    socket.on('error', end)
    const there: Errand['there'] = (to, forwarded, { reached, ended }) => {
      const held = desk.hold('links', request)
      if (isCaucusError(held)) return ended({ type: 'failed', error: held })
      socket.once('close', held)
      const headers = upgradeHeaders(request, to, credentials, forwarded)
      let isOpen = false
      const opened = () => {
        isOpen = true
        counts.forwardedLinks++
        leave()
      }
      const onward = { request, to, caller: desk.callerOf(request), credentials, headers, reached }
      this.#track(
        (passed) => {
          socket.off('close', held)
          held()
          if (isOpen) counts.forwardedLinks--
          ended(passed)
        },
        (over) => new LinkPipe({ ...onward, socket, head, opened, ended: over }),
      )
    }
    const onGone: Errand['onGone'] = (gone) => {
      const left = () => {
        end()
        gone()
      }
      socket.once('end', left)
      socket.once('close', gone)
      return () => {
        socket.off('end', left)
        socket.off('close', gone)
      }
    }
    const leave = this.#begin({ request, until: this.#patience, here, there, refuse, onGone })
  }

  get #patience(): Instant {
    const { clock, peers } = this.#options
    return clock.now() + peers.patienceMs
  }

  #track(ended: (passed: Passed) => void, make: (over: (passed: Passed) => void) => RequestPipe | LinkPipe): void {
    let untrack: (() => void) | undefined
    const pipe = make((passed) => {
      untrack?.()
      ended(passed)
    })
    untrack = this.#pipes.add(pipe)
  }

  /** Gives what says that it holds up nobody any more. */
  #begin(errand: Errand): () => void {
    const { desk } = this.#options
    const leave = this.#places.take(desk.networkOf(errand.request))
    if (isCaucusError(leave)) {
      this.#refuse(errand, leave)
      return () => undefined
    }
    const after = <Rest extends readonly unknown[]>(then: (...rest: Rest) => void) => {
      return (...rest: Rest) => {
        leave()
        then(...rest)
      }
    }
    const { here, refuse } = errand
    this.#look({ ...errand, here: after(() => here()), refuse: after((error) => refuse(error)) }, leave)
    return leave
  }

  /** As often as there is something new, until somebody serves or patience ends. */
  #look(errand: Errand, leave: () => void): void {
    const { desk, clock } = this.#options
    const seat = this.#seats.now
    if (seat.type === 'here') return errand.here()
    if (this.#closing) return this.#refuse(errand, stopping())
    if (seat.type === 'there') {
      if (desk.isForwarded(errand.request)) return this.#refuse(errand, notLeader(seat.peer))
      if (this.#mayReach(seat.peer)) return this.#pass(errand, leave, seat.peer)
    }
    if (clock.now() >= errand.until) return this.#refuse(errand, this.#nobody(seat))
    this.#wait(errand, leave, seat)
  }

  /** Of thousands who wait for somebody that cannot be reached, one at a time finds out whether that is over. */
  #mayReach({ identifier }: PeerAddressed): boolean {
    const unreached = this.#unreached
    if (unreached?.to.identifier !== identifier) return true
    const now = this.#options.clock.now()
    if (now < unreached.againAt) return false
    unreached.againAt = now + AGAIN_AFTER_MS
    return true
  }

  #wait(errand: Errand, leave: () => void, seat: Seat): void {
    const { until } = errand
    const again = seat.type === 'there' ? Math.min(until, this.#unreached?.againAt ?? until) : until
    const isNews = (now: Seat) => !isSame(now, seat) || (now.type === 'there' && this.#unreached === undefined)
    const endWait = this.#seats.wait(again, isNews, () => {
      endWatch()
      this.#look(errand, leave)
    })
    const endWatch = errand.onGone(() => {
      endWait()
      leave()
    })
  }

  #pass(errand: Errand, leave: () => void, to: PeerAddressed): void {
    const { desk, clock } = this.#options
    const { shown, from } = desk.callerOf(errand.request)
    const forwarded = encodeForwarded({ shown, address: from.address })
    if (forwarded === undefined) return this.#refuse(errand, tooManyNames(to))
    const reached = () => {
      if (this.#unreached?.to.identifier !== to.identifier) return
      this.#unreached = undefined
      this.#seats.release()
    }
    const ended = (passed: Passed) => {
      if (passed.type === 'done') return leave()
      if (passed.type === 'failed') return this.#refuse(errand, passed.error)
      this.#unreached = { to, why: passed.why, againAt: clock.now() + AGAIN_AFTER_MS }
      this.#look(errand, leave)
    }
    try {
      errand.there(to, forwarded, { reached, ended })
    } catch (cause) {
      // Node's client does not send all that its server takes, as some bytes in a path.
      const message = 'the request has bytes that cannot be passed on to the peer that leads; ask that one'
      this.#refuse(errand, new CaucusError('CAUCUS_INVALID_ARGUMENT', message, { cause }))
    }
  }

  #refuse(errand: Errand, error: CaucusError): void {
    this.#options.counts.forwardsRefused++
    errand.refuse(error)
  }

  #nobody(seat: Seat): CaucusError {
    const details = { retryAfterMs: RETRY_AFTER_MS }
    if (seat.type === 'there') {
      const { why = 'no answer' } = this.#unreached ?? {}
      const message = `${seat.peer.identifier}, who leads, could not be reached from here, and nothing was done: ${why}`
      return new CaucusError('CAUCUS_UNAVAILABLE', message, { details })
    }
    const { quorum, peers } = this.#options.peers.view()
    const leader = this.#options.peers.leader()
    const why =
      leader === undefined
        ? `no peer leads now: ${quorum} of ${peers.length} voters have to be there and agree`
        : `${leader.identifier} leads, and does not serve yet: ${quorum} of ${peers.length} voters have to tell it what the last leader kept, and one that has lost that has to hear it from all others first`
    return new CaucusError('CAUCUS_NO_QUORUM', `${why}; nothing was done, try again`, { details })
  }

  /** Cuts the links and streams of those who may not have one any more. Gives how many these are. */
  review(): number {
    const { desk } = this.#options
    return this.#pipes.review((caller) => revoked(desk, caller))
  }

  /** Sends away whoever waits, and ends what would not end by itself. */
  close(): void {
    this.#closing = true
    this.#seats.close()
    this.#pipes.close()
  }

  /** Cuts everything. */
  terminate(): void {
    this.#pipes.terminate()
    this.#agent.destroy()
  }
}

const isSame = (one: Seat, other: Seat): boolean =>
  one.type === 'there' && other.type === 'there'
    ? one.peer.identifier === other.peer.identifier
    : one.type === other.type

const stopping = (): CaucusError => new CaucusError('CAUCUS_UNAVAILABLE', 'this server is stopping; try again later')

const revoked = (desk: Desk, caller: Caller): CaucusError | undefined =>
  desk.principalNow(caller) === undefined
    ? new CaucusError('CAUCUS_UNAUTHORIZED', 'the entry that let you in is not there any more')
    : undefined

const notLeader = ({ identifier, host, port }: PeerAddressed): CaucusError =>
  new CaucusError(
    'CAUCUS_NOT_LEADER',
    `this peer does not lead any more, and passes on nothing that was passed on to it: ${identifier} leads now`,
    {
      details: { identifier, host, port },
    },
  )

const tooManyNames = ({ identifier, host, port }: PeerAddressed): CaucusError =>
  new CaucusError(
    'CAUCUS_TOO_LARGE',
    `the certificate has too many names to be passed on; ask the peer that leads, which is ${identifier}, at ${host}:${port}`,
    { details: { identifier, host, port } },
  )
