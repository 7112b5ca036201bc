import type { GroupEvent } from '../../core/group/reasons.ts'
import type { Epoch } from '../../core/lease.ts'
import { decodeCoordinatorFrame } from '../../wire/frames.ts'
import type { EventLoop } from '../cluster/event-loop.ts'
import type { Findings } from '../cluster/violation.ts'
import type { SimulatedPeer } from './peer.ts'
import type { PeerProcess } from './peer-process.ts'

export interface LeaderBookOptions {
  readonly findings: Findings
  /** Every clock runs within what is promised. */
  readonly promised: boolean
  /** Peers have disks: tokens rise, and what coordinates is durable on a majority. */
  readonly durable: boolean
  peers(): readonly SimulatedPeer[]
}

/**
 * Who leads, by what each peer says at every instant at which something happened in one of them. A leadership begins and is extended in
 * such a step only, and ends by the clock, so whether two overlap (E4) is seen exactly when the later one begins.
 */
export class LeaderBook {
  readonly #options: LeaderBookOptions
  readonly #tokens = new Map<Epoch, string>()
  /** Which process of each peer led when something last ran in it. */
  readonly #leading = new Map<SimulatedPeer, PeerProcess | undefined>()
  #highest: { readonly token: Epoch; readonly who: string } = { token: 0, who: 'nobody' }
  /** Each leadership once, in order. */
  readonly led: string[] = []

  constructor(options: LeaderBookOptions) {
    this.#options = options
  }

  /** Something ran in these processes. */
  look(stirred: ReadonlySet<EventLoop>): void {
    const { findings, promised, peers } = this.#options
    const leading: SimulatedPeer[] = []
    for (const peer of peers()) {
      const { process } = peer
      if (process === undefined) continue
      const leads = process.cluster.isLeader
      if (leads) leading.push(peer)
      if (!stirred.has(process.loop)) continue
      if (!leads && process.hosting.seat().type === 'here')
        findings.add('E4', peer.id, `${peer.id} serves members, and does not lead`)
      // What it leads by does not change while it does.
      if (leads && this.#leading.get(peer) !== process) this.#token(peer)
      this.#leading.set(peer, leads ? process : undefined)
    }
    const [first, second] = leading
    if (first === undefined || second === undefined || !promised) return
    findings.add('E4', second.id, `${first.id} and ${second.id} both lead at one instant`)
  }

  /** E5. */
  #token({ id, runs, process }: SimulatedPeer): void {
    const { findings, durable } = this.#options
    const { token, term } = process?.cluster ?? {}
    if (token === undefined) return
    const who = `${id}#${runs} in term ${term}`
    if (this.#tokens.get(token) === who) return
    if (this.led.at(-1) !== who) this.led.push(who)
    if (durable && token <= this.#highest.token)
      findings.add(
        'E5',
        id,
        `${who} leads with the token ${token}, after ${this.#highest.who} had ${this.#highest.token}`,
      )
    this.#tokens.set(token, who)
    if (token > this.#highest.token) this.#highest = { token, who }
  }

  /** A coordinator has decided something: only while its peer leads, by the clock at that very step. */
  decided(peer: SimulatedPeer, event: GroupEvent): void {
    if (peer.process?.cluster.isLeader === true) return
    this.#options.findings.add('Lead', peer.id, `${peer.id} does not lead, and says ${event.type}`)
  }

  /** E8: nothing is said to members that a majority of peers would not find again. */
  said(peer: string, frame: string): void {
    const { findings, durable, peers } = this.#options
    if (!durable) return
    const messages = decodeCoordinatorFrame(frame)
    if (typeof messages === 'string') return
    const all = peers()
    // Whoever lost its disk asks all others before it says anything.
    const blank = all.filter((each) => each.disk.losses > 0 && each.kept.charter?.entry === undefined).length
    const keep = (enough: (peer: SimulatedPeer) => boolean) => {
      const holders = all.filter(enough).length
      return holders > 0 && (holders + blank) * 2 > all.length
    }
    for (const message of messages) {
      if (message.type !== 'share' && message.type !== 'hello') continue
      const { generation } = message
      const isKept = keep(({ kept }) => (kept.charter?.entry?.charter.foundation.generation ?? 0) >= generation)
      if (!isKept)
        findings.add(
          'E8',
          peer,
          `${peer} speaks under generation ${generation}, which less than a majority has written down`,
        )
      if (message.type !== 'share' || message.holding.length === 0) continue
      const { leaseMs } = message
      const isCovered = keep(({ kept }) => {
        const { defaultCeilingMs = 0, ceilingsMs = {} } = kept.charter?.entry?.charter.foundation ?? {}
        return Math.max(defaultCeilingMs, ...Object.values(ceilingsMs)) >= leaseMs
      })
      if (!isCovered)
        findings.add(
          'E8',
          peer,
          `${peer} gives a lease of ${leaseMs} ms, and less than a majority has a ceiling as high`,
        )
    }
  }
}
