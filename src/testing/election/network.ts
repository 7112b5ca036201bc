import type { PeerMessage } from '../../core/election/messages.ts'
import type { Random } from '../../core/random.ts'
import { exponential } from '../simulation/conditions.ts'
import type { ElectionBench } from './bench.ts'
import { wordsOf } from './bench.ts'
import type { ElectionFault } from './conditions.ts'

/** Messages that a replay may bring back. */
const REMEMBERED = 64

export interface Sent {
  readonly from: string
  readonly to: string
  readonly message: PeerMessage
}

/** Delays, loses, doubles, reorders and cuts off, between any two peers and in each direction by itself. */
export class PeerNetwork {
  readonly #bench: ElectionBench
  readonly #random: Random
  readonly #deliver: (sent: Sent) => boolean
  /** By direction, until when. */
  readonly #cut = new Map<string, number>()
  readonly #slow = new Map<string, number>()
  readonly #arrivedAt = new Map<string, number>()
  readonly #remembered: Sent[] = []
  #sent = 0

  constructor(bench: ElectionBench, deliver: (sent: Sent) => boolean) {
    this.#bench = bench
    this.#random = bench.random.fork('network')
    this.#deliver = deliver
  }

  heal(): void {
    this.#cut.clear()
    this.#slow.clear()
  }

  cut(from: string, to: string, forMs: number): void {
    this.#cut.set(`${from}>${to}`, this.#bench.now + forMs)
  }

  slowDown(from: string, to: string, forMs: number): void {
    this.#slow.set(`${from}>${to}`, this.#bench.now + forMs)
  }

  get remembered(): readonly Sent[] {
    return this.#remembered
  }

  carry(sent: Sent): void {
    const bench = this.#bench
    this.#remembered[this.#sent++ % REMEMBERED] = sent
    const number = bench.nextMessage()
    if (bench.story !== undefined)
      bench.tell({ who: sent.from, kind: 'send', message: number, what: wordsOf(sent.message) })
    const lane = `${sent.from}>${sent.to}`
    if ((this.#cut.get(lane) ?? 0) > bench.now || this.#happens('loss', 0.08)) {
      bench.tell({ who: sent.to, kind: 'lost', message: number, what: wordsOf(sent.message) })
      return
    }
    const { delayMs, timing } = bench.conditions
    // A healed network is a fast one.
    const usualMs = bench.faulty ? delayMs : Math.min(delayMs, timing.heartbeatMs * 0.1)
    let takesMs = usualMs * 0.5 + exponential(this.#random, usualMs * 0.5)
    if ((this.#slow.get(lane) ?? 0) > bench.now) takesMs += timing.electionMaxMs * this.#random.next()
    let at = bench.now + takesMs
    const reorders = bench.has('reordering')
    if (reorders && this.#happens('reordering', 0.1)) at += exponential(this.#random, timing.electionMinMs)
    else if (!reorders) at = Math.max(at, this.#arrivedAt.get(lane) ?? 0)
    this.#arrivedAt.set(lane, at)
    this.#arrive(sent, at, number)
    if (this.#happens('duplication', 0.05))
      this.#arrive(sent, at + exponential(this.#random, timing.electionMaxMs), number)
  }

  #arrive(sent: Sent, at: number, number: number): void {
    this.#bench.agenda.after(at - this.#bench.now, () => {
      const taken = this.#deliver(sent)
      if (this.#bench.story !== undefined)
        this.#bench.tell({
          who: sent.to,
          kind: taken ? 'receive' : 'lost',
          message: number,
          what: wordsOf(sent.message),
        })
    })
  }

  #happens(fault: ElectionFault, chance: number): boolean {
    if (!this.#bench.has(fault) || this.#random.next() >= chance) return false
    this.#bench.count(fault)
    return true
  }
}
