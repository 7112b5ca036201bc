import type { PeerMessage } from '../../core/election/messages.ts'
import type { Random } from '../../core/random.ts'
import { exponential } from '../simulation/conditions.ts'
import type { RunBench } from '../simulation/run-bench.ts'

/** Messages that a replay may bring back. */
const REMEMBERED = 64

export interface Sent<Message = PeerMessage> {
  readonly from: string
  readonly to: string
  readonly message: Message
}

type WireFault = 'loss' | 'duplication' | 'reordering'

/** What a network needs of the bench that it lies on, whatever else may go wrong there. */
type WireBench = Pick<
  RunBench<WireFault>,
  'now' | 'random' | 'faulty' | 'story' | 'agenda' | 'has' | 'count' | 'tell'
> & {
  nextMessage(): number
}

export interface Wires<Message> {
  readonly delayMs: number
  /** No healed network takes longer. */
  readonly healedMs: number
  /** How much later an overtaken message is, on average. */
  readonly overtakenMs: number
  /** How much longer a slow link takes at most, and by how much later a second copy comes on average. */
  readonly slowMs: number
  wordsOf(message: Message): string
}

/** Delays, loses, doubles, reorders and cuts off, between any two peers and in each direction by itself. */
export class PeerNetwork<Message = PeerMessage> {
  readonly #bench: WireBench
  readonly #wires: Wires<Message>
  readonly #random: Random
  readonly #deliver: (sent: Sent<Message>) => boolean
  /** By direction, until when. */
  readonly #cut = new Map<string, number>()
  readonly #slow = new Map<string, number>()
  readonly #arrivedAt = new Map<string, number>()
  readonly #remembered: Sent<Message>[] = []
  #sent = 0

  constructor(bench: WireBench, wires: Wires<Message>, deliver: (sent: Sent<Message>) => boolean) {
    this.#bench = bench
    this.#wires = wires
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

  isCut(from: string, to: string): boolean {
    return (this.#cut.get(`${from}>${to}`) ?? 0) > this.#bench.now
  }

  slowDown(from: string, to: string, forMs: number): void {
    this.#slow.set(`${from}>${to}`, this.#bench.now + forMs)
  }

  get remembered(): readonly Sent<Message>[] {
    return this.#remembered
  }

  carry(sent: Sent<Message>): void {
    const bench = this.#bench
    const { wordsOf } = this.#wires
    this.#remembered[this.#sent++ % REMEMBERED] = sent
    const number = bench.nextMessage()
    if (bench.story !== undefined)
      bench.tell({ who: sent.from, kind: 'send', message: number, what: wordsOf(sent.message) })
    const lane = `${sent.from}>${sent.to}`
    if ((this.#cut.get(lane) ?? 0) > bench.now || this.#happens('loss', 0.08)) {
      bench.tell({ who: sent.to, kind: 'lost', message: number, what: wordsOf(sent.message) })
      return
    }
    const { delayMs, healedMs, overtakenMs, slowMs } = this.#wires
    // A healed network is a fast one.
    const usualMs = bench.faulty ? delayMs : Math.min(delayMs, healedMs)
    let takesMs = usualMs * 0.5 + exponential(this.#random, usualMs * 0.5)
    if ((this.#slow.get(lane) ?? 0) > bench.now) takesMs += slowMs * this.#random.next()
    let at = bench.now + takesMs
    const reorders = bench.has('reordering')
    if (reorders && this.#happens('reordering', 0.1)) at += exponential(this.#random, overtakenMs)
    else if (!reorders) at = Math.max(at, this.#arrivedAt.get(lane) ?? 0)
    this.#arrivedAt.set(lane, at)
    this.#arrive(sent, at, number)
    if (this.#happens('duplication', 0.05)) this.#arrive(sent, at + exponential(this.#random, slowMs), number)
  }

  #arrive(sent: Sent<Message>, at: number, number: number): void {
    this.#bench.agenda.after(at - this.#bench.now, () => {
      const taken = this.#deliver(sent)
      if (this.#bench.story !== undefined)
        this.#bench.tell({
          who: sent.to,
          kind: taken ? 'receive' : 'lost',
          message: number,
          what: this.#wires.wordsOf(sent.message),
        })
    })
  }

  #happens(fault: WireFault, chance: number): boolean {
    if (!this.#bench.has(fault) || this.#random.next() >= chance) return false
    this.#bench.count(fault)
    return true
  }
}
