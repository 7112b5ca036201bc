import type { ElectionEffect, ElectionInput } from '../../core/election/io.ts'
import { MAX_TERM_LEAD, type PeerMessage } from '../../core/election/messages.ts'
import type { ElectionRecord, Moment } from '../../core/election/record.ts'
import type { Tick } from '../../core/machine.ts'
import type { ElectionBench } from './bench.ts'
import { Counts } from './counts.ts'
import type { Disk } from './disk.ts'
import { Paper } from './paper.ts'
import type { Peer } from './peer.ts'
import { Reigns } from './reigns.ts'
import { TethersTold } from './tethers-told.ts'
import { must } from './violation.ts'
import { WordsGiven } from './words-given.ts'

/** Everybody who watches that the rules hold. None of them looks into a machine, but for its view and the check that users make. */
export class Judge {
  readonly reigns: Reigns
  readonly #tethers = new TethersTold()
  readonly #words = new WordsGiven(this.#tethers)
  readonly #counts = new Counts(this.#tethers)
  readonly #paper: Paper
  readonly #terms = new Map<Peer, number>()
  readonly #inputs = new Map<Peer, ElectionInput | Tick>()

  constructor(bench: ElectionBench, disks: () => ReadonlyMap<string, Disk>) {
    this.reigns = new Reigns(bench.conditions, () => bench.now)
    this.#paper = new Paper(disks)
  }

  started(peer: Peer): void {
    this.#words.started(peer)
  }

  /** One message uses up no more than so many numbers. Whoever rejoins takes the term of all others. */
  #termMoves(peer: Peer): void {
    const { term, role } = peer.machine.view()
    const before = this.#terms.get(peer)
    if (role === 'new' || role === 'rejoining') return
    this.#terms.set(peer, term)
    must(
      before === undefined || term <= before + MAX_TERM_LEAD + 1,
      'E10',
      () => `one message moves the term of ${peer.bootId} from ${before} to ${term}`,
    )
  }

  gone(peer: Peer): void {
    this.#terms.delete(peer)
    this.reigns.gone(peer)
    this.#counts.gone(peer)
    this.#tethers.gone(peer)
  }

  steps(peer: Peer, input: ElectionInput | Tick, given: Moment): void {
    const at = ownReading(peer, given)
    this.#inputs.set(peer, input)
    this.#words.steps(peer, input)
    this.#counts.steps(peer, input, at)
    this.#tethers.steps(peer, input)
  }

  decided(peer: Peer, effect: ElectionEffect, input: ElectionInput | Tick, given: Moment): void {
    const at = ownReading(peer, given)
    this.#words.decided(peer, effect, input, at)
    this.#counts.decided(peer, effect, input, at)
    this.#tethers.decided(peer, effect, input)
  }

  leaves(peer: Peer, to: string, message: PeerMessage): void {
    this.#words.leaves(peer, message)
    this.#paper.leaves(peer, to, message)
  }

  written(record: ElectionRecord): void {
    this.#paper.written(record)
  }

  stepped(peer: Peer, given: Moment): void {
    const at = ownReading(peer, given)
    const input = this.#inputs.get(peer)
    this.#termMoves(peer)
    this.#words.stepped(peer)
    this.#tethers.stepped(peer)
    if (input !== undefined) this.#counts.stepped(peer, input, at)
    this.reigns.stepped(peer, at)
  }
}

/** The monotonic clock as it is, whatever the peer was told that it reads. */
const ownReading = (peer: Peer, { holder }: Moment): Moment => ({ grantor: peer.read(), holder })
