import type { MemberMessage, ShareMessage } from '../../core/group/messages.ts'
import type { GroupView } from '../../core/group/view.ts'
import type { Instant } from '../../core/time.ts'
import { Beliefs } from '../simulation/beliefs.ts'
import { Ledger } from '../simulation/ledger.ts'
import { Promises } from '../simulation/promises.ts'
import { checkKept, checkSettled, orderOf } from '../simulation/settlement.ts'
import type { Seat } from './seat.ts'

/** The simulator's checks, told of everything that happens in a small world. What it remembers is part of the world's state. */
export class Judge {
  readonly #group: string
  #ledger: Ledger
  #promises = new Promises()
  #order: readonly string[] = []
  /** The coordinator said so in this step. */
  settled = false

  constructor(group: string) {
    this.#group = group
    this.#ledger = new Ledger(group)
  }

  /** Another run of the coordinator has promised nothing yet. `epochs`: its epochs may begin anew, too. */
  startAnew(epochs: boolean): void {
    this.#promises = new Promises()
    this.#order = []
    if (epochs) this.#ledger = new Ledger(this.#group)
  }

  heard(message: MemberMessage): void {
    this.#promises.heard(message)
  }

  /** G2, G3 and Effect; and what is in the coordinator's hands whatever clocks do. */
  said(message: ShareMessage, now: Instant): void {
    this.#ledger.said(message)
    this.#promises.said(message, now)
  }

  /** S1, G1 and G8, once the step is over. `lacking`: somebody may have let go of something. */
  stepped(view: GroupView | undefined, lacking: boolean): void {
    const { settled } = this
    this.settled = false
    if (view !== undefined) checkKept(view)
    if (!settled || view === undefined || view.state !== 'settled') return
    checkSettled(view, this.#order, lacking)
    this.#order = orderOf(view)
  }

  /** G4: nobody believes at this real instant what somebody else believes. */
  compare(seats: readonly Seat[], now: number): void {
    const beliefs = new Beliefs(this.#group)
    for (const seat of seats) beliefs.update(seat.bootId, seat.belief(now), now)
  }
}
