import type { Holding } from '../../core/group/messages.ts'
import type { Epoch } from '../../core/lease.ts'
import { epochText } from './frame-text.ts'
import type { Findings } from './violation.ts'
import type { WatchedMembership } from './watched-backend.ts'

/** An index share's epoch is its view's, and a key moves between indexes: all of them are one thing. */
const ANY_INDEX = -1

/** Epochs rise with every grant of an item, over coordinators too (G3); what a resource compares them by (Effect) rests on it. */
export class EpochBook {
  readonly #findings: Findings
  readonly #ordered: boolean
  readonly #highest = new Map<string, { readonly epoch: Epoch; readonly who: string; readonly bootId: string }>()
  /** False once epochs may repeat: a coordinator has lost what it had written down. */
  promised = true

  /** `ordered`: whether every clock runs within what is promised. */
  constructor(findings: Findings, ordered: boolean) {
    this.#findings = findings
    this.#ordered = ordered
  }

  granted(who: string, { request }: WatchedMembership, items: readonly Holding[]): void {
    for (const { item, epoch, of } of items) {
      const name = `${request.group}/${of === undefined ? item : ANY_INDEX}`
      const before = this.#highest.get(name)
      // A clock that runs outside what is promised may take up an old grant late: it must not be the same one twice.
      const late = !this.#ordered && before !== undefined && epoch < before.epoch
      const shared = of !== undefined && epoch === before?.epoch
      const rises = before === undefined || epoch > before.epoch || shared || late
      if (!rises && this.promised) {
        const earlier = `${before.who} had it at epoch ${epochText(before.epoch)} before`
        const what = of === undefined ? `partition ${item}` : `slot ${item} of ${of}`
        this.#findings.add(
          'G3',
          who,
          `${who} was granted ${what} of "${request.group}" at epoch ${epochText(epoch)}, and ${earlier}`,
        )
      }
      if (before === undefined || epoch > before.epoch) this.#highest.set(name, { epoch, who, bootId: request.bootId })
    }
  }
}
