import type { Term } from '../election/messages.ts'
import { majorityOf } from '../election/quorum.ts'
import { latestEntry } from './entries.ts'
import type { Entry, ReplicaMessage } from './messages.ts'

type Answer = Extract<ReplicaMessage, { type: 'recovered' }>

export interface Recovered {
  readonly promised: Term
  readonly entry?: Entry | undefined
}

/**
 * A voter whose disk is blank may have promised and accepted anything. The others know, as soon as nobody counts any more what it said
 * before: so it tells all of them first, and only then asks all of them what they have. What they said before that may be older than what was
 * decided with the help of its lost answers (docs/adr/0023).
 */
export class Recovery {
  readonly #others: readonly string[]
  readonly #voters: number
  readonly #name: string
  readonly #answers = new Map<string, Answer>()
  /** The processes that were blank in the round before. */
  readonly #blankBefore = new Map<string, string>()
  /** In the first one it tells, from then on it asks. */
  #round = 1

  /** `name` is of this process alone, so that no answer to an earlier one is taken. */
  constructor(others: readonly string[], name: string) {
    this.#others = others
    this.#voters = others.length + 1
    this.#name = name
    if (others.length === 0) this.#round++
  }

  get nonce(): string {
    return `${this.#name}/${this.#round}`
  }

  /** Who has not answered, or had nothing to say because it is blank itself. */
  get waitingFor(): readonly string[] {
    return this.#others.filter((id) => this.#answers.get(id)?.blank !== false)
  }

  /** Whom to ask. */
  get unanswered(): readonly string[] {
    return this.#others.filter((id) => !this.#answers.has(id))
  }

  /** True when there are others to be asked from now on. */
  answered(answer: Answer): boolean {
    const { id } = answer.sender
    if (answer.nonce !== this.nonce) return false
    // What somebody knew once it knows ever after, whatever arrives late.
    if (this.#answers.get(id)?.blank !== false) this.#answers.set(id, answer)
    if (this.#round > 1 || this.unanswered.length > 0) return false
    this.goOn()
    return true
  }

  /** All have answered, and too many had nothing to say: those are asked once more. What the others had, they still have. */
  goOn(): void {
    if (this.unanswered.length > 0) return
    this.#blankBefore.clear()
    for (const [id, { blank, sender }] of this.#answers) {
      if (blank) this.#blankBefore.set(id, sender.bootId)
      if (blank || this.#round === 1) this.#answers.delete(id)
    }
    this.#round++
  }

  /** What to begin with. `undefined`: somebody has not answered, or so many are blank that nobody may be left who knows. */
  get outcome(): Recovered | undefined {
    if (this.#round === 1 || this.unanswered.length > 0) return undefined
    const all = [...this.#answers.values()]
    const blank = all.filter((answer) => answer.blank)
    const entry = latestEntry(all.map((answer) => answer.entry))
    const majority = majorityOf(this.#voters)
    // At least one of any majority is left; or nothing was ever accepted: the first start, when all begin like this.
    const isFirstStart =
      entry === undefined && 1 + blank.filter((answer) => this.#stayedBlank(answer)).length >= majority
    if (1 + blank.length >= majority && !isFirstStart) return undefined
    return { promised: Math.max(0, ...all.map(({ promised }) => promised)), entry }
  }

  /** In two rounds, and so at the instant between them, together with all the others of which this is true. */
  #stayedBlank({ sender }: Answer): boolean {
    return this.#blankBefore.get(sender.id) === sender.bootId
  }
}
