import { isDirect, type TetherId } from '../../core/election/tethers.ts'
import type { Random } from '../../core/random.ts'
import { exponential, pick } from '../simulation/conditions.ts'
import type { ElectionBench } from './bench.ts'
import type { Peer } from './peer.ts'

/** `pending`: the other side may know of it already. `ended`: read in order. `closed`: by itself. `gone`: failed, or never opened. */
type State = 'pending' | 'open' | 'ended' | 'closed' | 'gone'

interface End {
  readonly peer: Peer
  state: State
  /** What a stream says arrives in order: no end of it before its beginning. */
  openAt: number
}

interface Tether {
  readonly id: TetherId
  readonly ends: readonly [End, End]
  readonly proxied: boolean
}

/** What of a world its tethers go through. */
export interface TetherGround {
  peers(): Iterable<Peer>
  isCut(from: string, to: string): boolean
}

/**
 * The streams between any two processes that prove that one of them has ended. A process that is killed ends its own in order, a machine that
 * is gone says nothing; resets and failures come at either end, or at both; and no end keeps to the order of what is said on other connections.
 */
export class TetherYard {
  readonly #bench: ElectionBench
  readonly #ground: TetherGround
  readonly #random: Random
  readonly #tethers: Tether[] = []
  #made = 0

  constructor(bench: ElectionBench, ground: TetherGround) {
    this.#bench = bench
    this.#ground = ground
    this.#random = bench.random.fork('tethers')
    if (bench.conditions.tethers) this.#dialLater()
  }

  #dialLater(): void {
    const { electionMinMs } = this.#bench.conditions.timing
    this.#bench.agenda.after(electionMinMs * (0.1 + 0.4 * this.#random.next()), () => {
      const peers = [...this.#ground.peers()]
      for (const from of peers) for (const to of peers) if (from.address < to.address) this.#dial(from, to)
      this.#dialLater()
    })
  }

  /** By what the dialing side knows, it has none with that process. */
  #dial(from: Peer, to: Peer): void {
    if (from.id === to.id || from.standsStill || to.standsStill || this.#random.next() < 0.2) return
    if (this.#ground.isCut(from.address, to.address) || this.#ground.isCut(to.address, from.address)) return
    const has = ({ ends: [a, b] }: Tether) => a.peer === from && b.peer === to && ['pending', 'open'].includes(a.state)
    if (this.#tethers.some(has)) return
    const proxied = this.#happens('tetherProxy', 0.8)
    const number = ++this.#made
    const { agenda } = this.#bench
    const acceptedAt = agenda.now + this.#takesMs()
    const answeredAt = acceptedAt + this.#takesMs()
    const dialing: End = { peer: from, state: 'pending', openAt: answeredAt }
    const accepting: End = { peer: to, state: 'pending', openAt: acceptedAt }
    const tether: Tether = { id: `t${number}`, ends: [dialing, accepting], proxied }
    this.#tethers.push(tether)
    // A proxy connects from an address of its own.
    const said = { local: `${from.address}:${40_000 + number}`, remote: `${to.address}:80` }
    const seen = { local: said.remote, remote: proxied ? `proxy:${50_000 + number}` : said.local }
    agenda.after(acceptedAt - agenda.now, () => {
      if (isDirect(seen, said)) this.#opens(tether, accepting, dialing)
      else accepting.state = 'gone'
    })
    agenda.after(answeredAt - agenda.now, () => {
      if (isDirect(said, seen)) this.#opens(tether, dialing, accepting)
      else dialing.state = 'gone'
      if (proxied) this.#proxyEnds(tether)
    })
  }

  #opens({ id }: Tether, own: End, other: End): void {
    if (own.state !== 'pending' || !own.peer.alive) return
    own.state = 'open'
    this.#tell(own, `has ${id} with ${other.peer.bootId}`)
    own.peer.post({ type: 'tetherOpened', id, with: { id: other.peer.id, bootId: other.peer.bootId } })
  }

  /** It ends what it carries whenever it likes, and in order. */
  #proxyEnds(tether: Tether): void {
    const { agenda, conditions } = this.#bench
    agenda.after(exponential(this.#random, conditions.timing.electionMaxMs), () => {
      for (const end of tether.ends) if (this.#random.next() < 0.7) this.#ends(tether, other(tether, end))
    })
  }

  /** The other side hears, some time, that this one has ended it in order. */
  #ends(tether: Tether, from: End): void {
    const to = other(tether, from)
    const { agenda } = this.#bench
    let takesMs = this.#takesMs()
    if (this.#happens('tetherLate', 0.5))
      takesMs += this.#bench.conditions.timing.electionMaxMs * pick(this.#random, [0.1, 0.5, 2]) * this.#random.next()
    const arrive = (): void => {
      // What was sent is sent again until it arrives.
      const cut = this.#ground.isCut(from.peer.address, to.peer.address)
      if (cut) agenda.after(this.#bench.conditions.timing.heartbeatMs, arrive)
      else this.#read(tether, to)
    }
    agenda.after(Math.max(takesMs, to.openAt - agenda.now + 0.001), arrive)
  }

  #read(tether: Tether, end: End): void {
    const { peer, state } = end
    if (!peer.alive) return
    if (state === 'pending') end.state = 'gone'
    if (state === 'pending' || state === 'ended') return
    this.#tell(end, `reads the end of ${tether.id}`)
    // Whoever closed it, or had it fail, is told all the same: the machine has to know what that proves.
    peer.post({ type: 'tetherEnded', id: tether.id })
    if (state !== 'open') return
    end.state = 'ended'
    // There is nobody any more for whom this end would prove anything.
    this.#bench.agenda.after(exponential(this.#random, this.#bench.conditions.timing.heartbeatMs), () => {
      if (peer.alive) this.#ends(tether, end)
    })
  }

  /** This peer has let go and closes it. */
  closes(peer: Peer, id: TetherId): void {
    for (const tether of this.#tethers) {
      if (tether.id !== id) continue
      const end = tether.ends.find((each) => each.peer === peer)
      if (end === undefined) continue
      end.state = 'closed'
      this.#ends(tether, end)
    }
  }

  /** A killed process ends what it had in order, but for what was not read of it; a machine without power does nothing. */
  gone(peer: Peer, killed: boolean): void {
    for (const tether of this.#tethers) {
      const end = tether.ends.find((each) => each.peer === peer)
      if (end === undefined || end.state === 'closed' || end.state === 'gone') continue
      end.state = 'gone'
      if (!killed) continue
      if (this.#random.next() < 0.1) this.#fails(other(tether, end), tether)
      else this.#ends(tether, end)
    }
    const isLeft = ({ ends }: Tether) => ends.some((end) => end.peer.alive)
    this.#tethers.splice(0, this.#tethers.length, ...this.#tethers.filter(isLeft))
  }

  /** Whether a process that goes is killed, or its machine goes with it. */
  get killed(): boolean {
    return this.#random.next() < 0.6
  }

  /** Something between the two, or at one of them, breaks a tether, or all of one peer: at one end, or at both. */
  reset(peer: Peer, random: Random): boolean {
    const own = this.#tethers.filter(({ ends }) => ends.some((end) => end.peer === peer && end.state === 'open'))
    if (own.length === 0) return false
    const all = random.next() < 0.5
    for (const tether of all ? own : [pick(random, own)]) {
      const which = random.below(3)
      for (const [index, end] of tether.ends.entries()) if (index !== which) this.#fails(end, tether)
    }
    return true
  }

  #fails(end: End, { id }: Tether): void {
    const { agenda } = this.#bench
    agenda.after(Math.max(this.#takesMs(), end.openAt - agenda.now + 0.001), () => {
      if (end.state === 'pending') end.state = 'gone'
      if (end.state !== 'open' || !end.peer.alive) return
      end.state = 'gone'
      this.#tell(end, `loses ${id}`)
      end.peer.post({ type: 'tetherLost', id })
    })
  }

  #takesMs(): number {
    const { delayMs, timing } = this.#bench.conditions
    const usualMs = this.#bench.faulty ? delayMs : Math.min(delayMs, timing.heartbeatMs * 0.1)
    return exponential(this.#random, usualMs)
  }

  #tell({ peer }: End, what: string): void {
    this.#bench.note(peer.bootId, what)
    this.#bench.tell({ who: peer.address, what })
  }

  #happens(fault: 'tetherProxy' | 'tetherLate', chance: number): boolean {
    if (!this.#bench.has(fault) || this.#random.next() >= chance) return false
    this.#bench.count(fault)
    return true
  }
}

const other = ({ ends: [a, b] }: Tether, end: End): End => (end === a ? b : a)
