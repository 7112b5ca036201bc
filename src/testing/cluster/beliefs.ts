import { type Holding, type ShareKind, sameShare } from '../../core/group/messages.ts'
import type { Millis } from '../../core/time.ts'
import type { EventLoop } from './event-loop.ts'
import { epochText } from './frame-text.ts'
import type { Timeline } from './timeline.ts'
import { type Findings, msText } from './violation.ts'
import type { WatchedMembership } from './watched-backend.ts'

interface Claim {
  readonly holding: Holding
  readonly drains: boolean
  /** In real time, if nothing more happens to its holder. */
  readonly endMs: Millis
}

interface Book {
  readonly who: string
  readonly loop: EventLoop
  readonly watched: WatchedMembership
  share: ShareKind | undefined
  claims: readonly Claim[]
  /** When it is to be looked at again because something ends. */
  probeAtMs: Millis
}

/** Two instants that are closer are the same: real time is computed back from clocks with a rate. */
const ROUNDING_MS = 1e-3

/**
 * Who may act on what, in real time: not sampled, but as intervals. What a program is told is a function of its clock, so each claim has an
 * end until something happens to its holder; two claims to one thing overlap exactly if, when the later one begins or is extended, the
 * earlier one has not ended. Each end is looked at when it comes, so that a flag that nobody cleared is found out.
 */
export class BeliefBook {
  readonly #timeline: Timeline
  readonly #findings: Findings
  readonly #books = new Set<Book>()
  /** Off while clocks run outside what is promised. */
  readonly #promised: boolean

  constructor(timeline: Timeline, findings: Findings, promised: boolean) {
    this.#timeline = timeline
    this.#findings = findings
    this.#promised = promised
  }

  track(who: string, loop: EventLoop, watched: WatchedMembership): void {
    this.#books.add({ who, loop, watched, share: undefined, claims: [], probeAtMs: Number.POSITIVE_INFINITY })
  }

  /** Nobody acts on anything in this process any more. */
  forget(loop: EventLoop): void {
    for (const book of this.#books) if (book.loop === loop) this.#books.delete(book)
  }

  /** Something ran in this process. */
  look(loop: EventLoop): void {
    for (const book of this.#books) if (book.loop === loop) this.#look(book)
  }

  #look(book: Book): void {
    book.share = book.watched.share
    book.claims = this.#claimsOf(book)
    if (book.claims.length === 0) return
    for (const other of this.#books) {
      if (other !== book && other.watched.request.group === book.watched.request.group) this.#compare(book, other)
    }
    this.#probeLater(book)
  }

  #claimsOf({ loop, watched }: Book): Claim[] {
    const { port, validUntil } = watched
    const now = this.#timeline.nowMs
    // By the clock that its holder goes by, whichever that is.
    const ends = (until: number) => {
      const leftMs = until - port.now()
      return leftMs > 0 ? now + leftMs / loop.machine.rate : Number.POSITIVE_INFINITY
    }
    const claims: Claim[] = []
    const told = watched.told
    // Told although its lease is over: nobody can say how long that will go on.
    const heldUntilMs = told.length === 0 ? now : ends(validUntil)
    for (const holding of told) claims.push({ holding, drains: false, endMs: heldUntilMs })
    for (const { holding, signal } of watched.drains) {
      const until = port.drainUntil(holding)
      if (signal === undefined ? until === undefined : signal.aborted) continue
      claims.push({ holding, drains: true, endMs: until === undefined ? Number.POSITIVE_INFINITY : ends(until) })
    }
    return claims
  }

  #compare(mine: Book, theirs: Book): void {
    const now = this.#timeline.nowMs
    const alike = sameNumbering(mine.share, theirs.share)
    for (const claim of mine.claims) {
      if (claim.endMs <= now + ROUNDING_MS) continue
      for (const other of theirs.claims) {
        if (other.endMs <= now + ROUNDING_MS) continue
        const fault = conflict(claim.holding, other.holding, alike)
        if (fault === undefined || !this.#promised) continue
        const what = `${describe(claim.holding)} of "${mine.watched.request.group}"`
        const both = `${saying(mine.who, claim)}, ${saying(theirs.who, other)}`
        this.#findings.add('Belief', mine.who, `two processes believe in ${what} at once, ${fault}: ${both}`)
        return
      }
    }
  }

  /** A belief that has an end is looked at when that has come, unless the process stands still then: it cannot act. */
  #probeLater(book: Book): void {
    const now = this.#timeline.nowMs
    let at = Number.POSITIVE_INFINITY
    for (const { endMs } of book.claims) if (endMs > now) at = Math.min(at, endMs)
    if (at === Number.POSITIVE_INFINITY || (book.probeAtMs <= at && book.probeAtMs > now)) return
    book.probeAtMs = at
    this.#timeline.at(at + 2 * ROUNDING_MS, () => {
      if (book.probeAtMs !== at) return
      book.probeAtMs = Number.POSITIVE_INFINITY
      if (this.#books.has(book) && book.loop.state === 'runs') this.#look(book)
    })
  }
}

const sameNumbering = (a: ShareKind | undefined, b: ShareKind | undefined): boolean =>
  a !== undefined && b !== undefined && a !== 'index' && sameShare(a, b)

/** Two partitions of one numbering are different things, as are two indexes of one total. Everything else has keys in common. */
const conflict = (mine: Holding, theirs: Holding, alike: boolean): string | undefined => {
  if (alike) return mine.item === theirs.item ? 'one partition' : undefined
  if (mine.of !== undefined && theirs.of !== undefined && mine.epoch === theirs.epoch) {
    if (mine.of !== theirs.of) return 'slots of one view that differ in their total'
    return mine.item === theirs.item ? 'one slot' : undefined
  }
  // A slot may go on in a later view, of which not everybody has heard yet.
  if (mine.of !== undefined && mine.of === theirs.of && mine.item !== theirs.item) return undefined
  return 'two ways to split one group'
}

const describe = ({ item, of }: Holding): string => (of === undefined ? `partition ${item}` : `slot ${item} of ${of}`)

const saying = (who: string, { holding, drains, endMs }: Claim): string => {
  const until = endMs === Number.POSITIVE_INFINITY ? 'although its lease is over' : `until ${msText(endMs)}`
  return `${who} ${drains ? 'drains' : 'has'} ${describe(holding)} at epoch ${epochText(holding.epoch)} ${until}`
}
