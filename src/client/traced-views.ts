import type { MembershipView } from '../core/group/member.ts'
import type { Holding } from '../core/group/messages.ts'
import type { Epoch } from '../core/lease.ts'
import type { TracedItems, Tracing, ViewTrace } from '../ports/tracing.ts'
import { guarded } from '../runtime/tracing.ts'
import { movedOf } from './share.ts'

/**
 * Tells a tracing of each change that a member goes through: from when it notices the first sign of it until the group has settled and
 * nothing is being drained here any more.
 */
export class TracedViews {
  readonly #tracing: Tracing
  readonly #group: string
  readonly #member: string
  #open: ViewTrace | undefined
  /** The number of the view that was told last. */
  #epoch = 0
  /** Something was lost, and nobody has said yet what comes of that: the last view still reads as settled. */
  #isUnanswered = false
  #over = false
  readonly #draining = new Map<number, Epoch>()

  /** To be called where `join()` is called: what is active there is what the first view belongs to. */
  constructor(tracing: Tracing, { group, member }: { readonly group: string; readonly member: string }) {
    this.#tracing = tracing
    this.#group = group
    this.#member = member
    this.#begin(true)
  }

  granted(items: readonly Holding[]): void {
    this.#isUnanswered = false
    this.#tell((trace) => trace.granted(itemsOf(items)))
  }

  revoked(items: readonly Holding[]): void {
    for (const { item, epoch } of items) this.#draining.set(item, epoch)
    this.#tell((trace) => trace.revoked(itemsOf(items)))
  }

  released(items: readonly Holding[]): void {
    // A drain may also end after what it drained was lost.
    const mine = items.filter(({ item, epoch }) => this.#draining.get(item) === epoch)
    this.#forget(mine)
    if (mine.length > 0) this.#tell((trace) => trace.released(itemsOf(mine)))
  }

  lost(items: readonly Holding[], because: string): void {
    this.#forget(items)
    this.#isUnanswered = true
    this.#tell((trace) => trace.lost(itemsOf(items), because))
  }

  drainFailed(error: unknown): void {
    this.#tell((trace) => trace.drainFailed(error))
  }

  /** How the drains of the present view are called. */
  get within(): <Result>(run: () => Result) => Result {
    const open = this.#open
    return open === undefined ? (run) => run() : (run) => open.within(run)
  }

  changed({ state, group, epoch, members, held }: MembershipView): void {
    if (epoch !== this.#epoch) this.#isUnanswered = false
    const isQuiet = state === 'member' && this.#draining.size === 0 && !this.#isUnanswered
    const isSettled = group === 'settled' && isQuiet
    if (this.#open === undefined && (!isSettled || epoch !== this.#epoch)) this.#begin(false)
    if (!isSettled) return
    this.#epoch = epoch
    this.#end((trace) => trace.settled({ epoch, members, ...itemsOf([...held.values()]) }))
  }

  ended(error: unknown): void {
    this.#over = true
    if (error === undefined) this.#end((trace) => trace.left())
    else this.#end((trace) => trace.failed(error))
  }

  #forget(items: readonly Holding[]): void {
    for (const { item, epoch } of items) if (this.#draining.get(item) === epoch) this.#draining.delete(item)
  }

  #begin(isFirst: boolean): void {
    if (this.#over) return
    this.#open = guarded(() => this.#tracing.beginView({ group: this.#group, member: this.#member, isFirst }))
  }

  #tell(tell: (trace: ViewTrace) => void): void {
    if (this.#open === undefined) this.#begin(false)
    const open = this.#open
    if (open !== undefined) guarded(() => tell(open))
  }

  #end(tell: (trace: ViewTrace) => void): void {
    const open = this.#open
    this.#open = undefined
    if (open !== undefined) guarded(() => tell(open))
  }
}

const itemsOf = (items: readonly Holding[]): TracedItems => {
  const { slot, partitions } = movedOf(items, undefined)
  return { slot, partitions }
}
