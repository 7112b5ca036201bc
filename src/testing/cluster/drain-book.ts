import type { Moved } from '../../client/share.ts'
import type { Holding } from '../../core/group/messages.ts'
import type { Bench } from './bench.ts'
import { holdingsText } from './frame-text.ts'
import type { RunningDrain } from './watched-backend.ts'
import type { DrainRecord } from './work-book.ts'

const has = (moved: Moved, { item, epoch, of }: Holding): boolean =>
  of === undefined ? moved.epoch(item) === epoch : moved.slot?.epoch === epoch

/** The drains of one process, as its handlers see them. */
export class DrainBook {
  readonly records: DrainRecord[] = []
  readonly #bench: Bench
  readonly #who: string
  readonly #note: (what: string, detail: string) => void

  constructor(bench: Bench, who: string, note: (what: string, detail: string) => void) {
    this.#bench = bench
    this.#who = who
    this.#note = note
  }

  /** A handler begins; `running`: what is being let go, of which some is its own. */
  begin(moved: Moved, signal: AbortSignal, running: readonly RunningDrain[]): DrainRecord {
    const record: DrainRecord = { moved, abortedAtMs: undefined, over: false }
    this.records.push(record)
    for (const drain of running) if (has(moved, drain.holding)) drain.signal = signal
    const abort = () => {
      record.abortedAtMs = this.#bench.timeline.nowMs
      this.#note('must stop', `the drain of ${moved.partitions.join(',') || 'its slot'}: its signal is aborted`)
    }
    signal.addEventListener('abort', abort, { once: true })
    return record
  }

  /** What moves is let go: no handler may still be at it. */
  letGo(items: readonly Holding[]): void {
    this.#note('drained', holdingsText(items))
    for (const { moved, over, abortedAtMs } of this.records) {
      if (over || abortedAtMs !== undefined) continue
      const early = items.find((holding) => has(moved, holding))
      if (early === undefined) continue
      const what = `${holdingsText([early])} was let go before the handler of its drain had finished`
      this.#bench.findings.add('Drain', this.#who, `${this.#who}: ${what}`)
    }
  }
}
