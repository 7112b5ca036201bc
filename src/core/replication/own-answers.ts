import type { Journal, Ticket } from '../election/record.ts'
import type { ReplicaBody, ReplicaRecord } from './messages.ts'

/** What a leader has answered itself, until it is durable: before that it counts no more than what another voter has not said yet. */
export class OwnAnswers {
  #answers: { readonly after: Ticket; readonly answer: ReplicaBody }[] = []

  waits(after: Ticket, answer: ReplicaBody): void {
    this.#answers.push({ after, answer })
  }

  /** Those that count from now on. A later write holds what an earlier one would have held. */
  durable(journal: Journal<ReplicaRecord>): readonly ReplicaBody[] {
    const done = this.#answers.filter(({ after }) => journal.holds(after))
    this.#answers = this.#answers.filter(({ after }) => !journal.holds(after))
    return done.map(({ answer }) => answer)
  }

  clear(): void {
    this.#answers = []
  }
}
