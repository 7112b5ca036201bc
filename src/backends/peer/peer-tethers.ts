import { createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import { type Boot, sameBoot } from '../../core/election/messages.ts'
import { isDirect, type TetherAddresses, type TetherId, type TetherInput } from '../../core/election/tethers.ts'
import { compareIds } from '../../core/ids.ts'
import type { Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import type { Clock, Clocks, Timer } from '../../ports/clock.ts'
import type { PeerAddressed } from '../../ports/peers.ts'
import type { Telemetry } from '../../ports/telemetry.ts'
import type { OfferedTether, OpenTether, TetherStream } from '../../ports/tether.ts'
import { BackOff } from '../../runtime/back-off.ts'
import type { PeerGreeting } from '../../wire/peers/schemas.ts'
import { decodeTetherHello, encodeTetherHello, type TetherHello } from '../../wire/peers/tether.ts'
import type { SoundPeer } from './options.ts'

export interface PeerTethersOptions {
  readonly self: Boot
  readonly token: string | undefined
  /** The grantor's. */
  readonly clock: Clock
  readonly openTether: OpenTether
  /** In [0, 1). */
  random(): number
  readonly reconnectMaxMs: Millis
  readonly handshakeMs: Millis
  readonly telemetry: Telemetry | undefined
  /** For the election. */
  tell(input: TetherInput): void
}

interface Held {
  readonly far: Boot
  readonly stream: TetherStream
}

/** To a peer that this one dials, for as long as there is a link to it. */
interface Dialing {
  readonly to: PeerAddressed
  readonly far: Boot
  readonly backOff: BackOff
  retry: Timer | undefined
}

/**
 * The tethers of one peer. Of two peers the one whose id comes first dials, and proves by what it said on its link that it is who said it. None
 * is ever closed in order but by `close`, which the election orders once it has let go; whatever else has to go is reset.
 */
export class PeerTethers {
  readonly #options: PeerTethersOptions
  readonly #secret = randomBytes(32)
  readonly #held = new Map<TetherId, Held>()
  readonly #dialing = new Map<string, Dialing>()
  /** By voter, what the process that is there said on its link. */
  readonly #offered = new Map<string, { readonly far: Boot; readonly nonce: string }>()
  #closing = false

  constructor(options: PeerTethersOptions) {
    this.#options = options
  }

  /** What this peer says on its link to that one. */
  greetingFor(voter: string, greeting: PeerGreeting): PeerGreeting {
    return this.#dials(voter) ? { ...greeting, tether: this.#nonceFor(voter) } : greeting
  }

  /** There is a link to it. */
  linked(to: PeerAddressed, { id, bootId }: PeerGreeting): void {
    if (!this.#dials(id)) return
    this.unlinked(id)
    const { random, reconnectMaxMs } = this.#options
    const backOff = new BackOff(random, reconnectMaxMs)
    this.#dialing.set(id, { to, far: { id, bootId }, backOff, retry: undefined })
    this.#dial(id)
  }

  unlinked(voter: string): void {
    this.#dialing.get(voter)?.retry?.clear()
    this.#dialing.delete(voter)
  }

  /** Somebody has said on its link to this peer who it is. */
  offered({ id, bootId, tether }: PeerGreeting): void {
    if (tether === undefined || this.#dials(id)) return
    this.#offered.set(id, { far: { id, bootId }, nonce: tether })
  }

  /** Takes a connection for a tether, or says why not. */
  accept({ hello: said, own, mayBe, take }: OfferedTether): CaucusError | undefined {
    if (this.#closing) return new CaucusError('CAUCUS_UNAVAILABLE', 'this peer is stopping')
    const hello = decodeTetherHello(said)
    if (typeof hello === 'string') return new CaucusError('CAUCUS_INVALID_ARGUMENT', hello)
    const fault = mayBe(hello.from.id)
    if (fault !== undefined) return fault
    const known = this.#offered.get(hello.from.id)
    const isSound = known !== undefined && sameBoot(known.far, hello.from) && sameBoot(hello.to, this.#options.self)
    if (!isSound || !isProven(hello, known.nonce, 'dials'))
      return new CaucusError(
        'CAUCUS_FORBIDDEN',
        'a tether needs what was said on the link between the same two processes',
      )
    if (!isDirect(own, hello))
      return new CaucusError(
        'CAUCUS_CONFLICT',
        `something stands between these peers, and would end connections by itself: one side is connected from ${hello.local} to ${hello.remote}, the other one from ${own.remote} to ${own.local}`,
      )
    const answer = proven({ id: hello.id, from: this.#options.self, to: hello.from, ...own }, known.nonce, 'accepts')
    this.#hold(hello.id, hello.from, take(encodeTetherHello(answer)))
    return undefined
  }

  /** In order: nothing is led any more. No further one is opened. */
  close(id: TetherId): void {
    this.#closing = true
    this.#held.get(id)?.stream.end()
    this.#held.delete(id)
  }

  /** No socket and no timer is left. */
  dispose(): void {
    this.#closing = true
    for (const voter of [...this.#dialing.keys()]) this.unlinked(voter)
    for (const { stream } of this.#held.values()) stream.reset()
    this.#held.clear()
  }

  #dials(voter: string): boolean {
    return compareIds(this.#options.self.id, voter) < 0
  }

  #nonceFor(voter: string): string {
    return createHmac('sha256', this.#secret).update(voter).digest('base64url')
  }

  #dial(voter: string): void {
    const dialing = this.#dialing.get(voter)
    if (dialing === undefined || this.#closing) return
    dialing.retry = undefined
    if ([...this.#held.values()].some(({ far }) => sameBoot(far, dialing.far))) return
    const { self, token, openTether, handshakeMs: timeoutMs } = this.#options
    const { host, port } = dialing.to
    const id = randomUUID()
    const nonce = this.#nonceFor(voter)
    const hello = (own: TetherAddresses): string =>
      encodeTetherHello(proven({ id, from: self, to: dialing.far, ...own }, nonce, 'dials'))
    const isCurrent = (): boolean => this.#dialing.get(voter) === dialing && !this.#closing
    openTether(
      { host, port, token, timeoutMs, hello },
      {
        opened: (stream, said, own) => {
          const theirs = decodeTetherHello(said)
          const isSound =
            typeof theirs !== 'string' &&
            theirs.id === id &&
            sameBoot(theirs.from, dialing.far) &&
            isProven(theirs, nonce, 'accepts') &&
            isDirect(own, theirs)
          if (isSound && isCurrent()) return this.#hold(id, dialing.far, stream)
          stream.reset()
          if (isCurrent()) this.#again(voter, 'what the other side said is not what it should')
        },
        failed: (reason) => {
          if (isCurrent()) this.#again(voter, reason)
        },
      },
    )
  }

  #again(voter: string, reason: string): void {
    const dialing = this.#dialing.get(voter)
    if (dialing === undefined) return
    const { clock, telemetry } = this.#options
    telemetry?.count('peer_tethers_failed')
    telemetry?.log('debug', 'there is no tether with a peer', { event: 'tether.failed', peer: voter, reason })
    const at = clock.now() + dialing.backOff.nextPauseMs()
    dialing.retry = clock.setTimer(at, () => this.#dial(voter), { ref: false })
  }

  #hold(id: TetherId, far: Boot, stream: TetherStream): void {
    // One of each pair of processes; and of whoever was there before, nothing more is expected.
    for (const [older, held] of this.#held) if (held.far.id === far.id) this.#drop(older, held)
    this.#held.set(id, { far, stream })
    const { tell } = this.#options
    tell({ type: 'tetherOpened', id, with: far })
    stream.watch({
      ended: () => {
        this.#held.delete(id)
        tell({ type: 'tetherEnded', id })
        // Not in order: whoever is at the other end after all must not take this for the end of this process.
        stream.reset()
      },
      lost: () => {
        this.#held.delete(id)
        tell({ type: 'tetherLost', id })
        this.#again(far.id, 'it was reset')
      },
    })
  }

  #drop(id: TetherId, { stream }: Held): void {
    this.#held.delete(id)
    this.#options.tell({ type: 'tetherLost', id })
    stream.reset()
  }
}

type Said = Omit<TetherHello, 'proof'>
type Side = 'dials' | 'accepts'

const proofOf = ({ id, from, to, local, remote }: Said, nonce: string, side: Side): string =>
  createHmac('sha256', nonce)
    .update(JSON.stringify([side, id, from.id, from.bootId, to.id, to.bootId, local, remote]))
    .digest('base64url')

const proven = (said: Said, nonce: string, side: Side): TetherHello => ({ ...said, proof: proofOf(said, nonce, side) })

const isProven = (hello: TetherHello, nonce: string, side: Side): boolean => {
  const expected = Buffer.from(proofOf(hello, nonce, side))
  const given = Buffer.from(hello.proof)
  return given.length === expected.length && timingSafeEqual(given, expected)
}

interface Around {
  readonly sound: Pick<SoundPeer, 'links' | 'self' | 'token' | 'timing'>
  readonly clocks: Clocks
  readonly telemetry: Telemetry | undefined
  readonly openTether?: OpenTether
  random(): number
}

/** The tethers of a peer, where its options ask for any. */
export const tethersOf = (
  around: Around,
  bootId: string,
  tell: (input: TetherInput) => void,
): PeerTethers | undefined => {
  const { sound, clocks, telemetry, openTether } = around
  const { links, self, token, timing } = sound
  if (links !== 'direct' || openTether === undefined) return undefined
  return new PeerTethers({
    self: { id: self.identifier, bootId },
    token,
    clock: clocks.grantor,
    openTether,
    random: () => around.random(),
    reconnectMaxMs: timing.reconnectMaxMs,
    handshakeMs: timing.electionMaxMs,
    telemetry,
    tell,
  })
}
