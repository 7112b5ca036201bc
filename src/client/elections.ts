import { CaucusError } from '../errors.ts'
import type { Backend } from '../ports/backend.ts'
import type { Tracing } from '../ports/tracing.ts'
import { type Campaign, Candidacy } from './candidacy.ts'

/** The candidacies of one connection. */
export class Elections {
  /** With each, whether somebody works under it who says when that is over. */
  readonly #candidacies = new Map<Candidacy, boolean>()
  readonly #tracing: Tracing | undefined

  constructor(tracing?: Tracing) {
    this.#tracing = tracing
  }

  campaign(backend: Backend, campaign: Campaign, working: boolean): Candidacy {
    const candidacy = new Candidacy(backend, campaign, (ended) => this.#candidacies.delete(ended), this.#tracing)
    // It may have been refused already.
    if (!candidacy.over) this.#candidacies.set(candidacy, working)
    return candidacy
  }

  /** Ends all of them: what waits gives up, and what leads lets go, after the work under it if that is known to run. */
  async drain(): Promise<void> {
    const closing = new CaucusError('CAUCUS_CLOSED', 'this connection is being closed')
    await Promise.all(
      [...this.#candidacies].map(([candidacy, working]) => {
        if (!candidacy.leads) return candidacy.close()
        candidacy.retire(closing)
        return working ? candidacy.left() : candidacy.resign()
      }),
    )
  }
}
