import type { Answer, AskMessage, Ending, Registration, Seat, Summary, Until } from '../../core/dispatch/messages.ts'
import { must } from '../simulation/violation.ts'

type Outcome = 'outstanding' | 'reply' | 'error' | 'refused' | 'left'

/** One ask as a bystander knows it, worked out from what went in and not from the hub. */
export class KnownAsk {
  readonly ask: number
  readonly peer: number
  readonly topic: string
  readonly until: Until
  readonly limitAt: number
  expected: readonly Registration[] = []
  outcomes: Outcome[] = []
  /** Those that are outstanding. */
  outstanding = 0
  #replied = 0
  #repliedAt: number | undefined

  constructor({ ask, peer, topic, until, withinMs }: AskMessage, now: number) {
    this.ask = ask
    this.peer = peer
    this.topic = topic
    this.until = until
    this.limitAt = now + withinMs
  }

  /** Fixed here, once. A copy: whatever the hub does with its list, this stays. */
  expects(expected: readonly Registration[]): void {
    this.expected = [...expected]
    this.outcomes = expected.map(() => 'outstanding')
    this.outstanding = expected.length
  }

  /** Whether an answer from this seat and producer counts. */
  counts(seat: Seat, producer: number): boolean {
    return this.outcomes[seat] === 'outstanding' && this.expected[seat]?.producer === producer
  }

  take(seat: Seat, answer: Answer, now: number): void {
    this.outcomes[seat] = answer.type === 'reply' ? 'reply' : answer.outcome
    this.outstanding--
    if (answer.type !== 'reply') return
    this.#replied++
    this.#repliedAt = now
  }

  /** True when something was expected of it. */
  leaves(producer: number): boolean {
    let left = false
    for (const [seat, one] of this.expected.entries()) {
      if (one.producer !== producer || this.outcomes[seat] !== 'outstanding') continue
      this.outcomes[seat] = 'left'
      this.outstanding--
      left = true
    }
    return left
  }

  /** When time alone would end it. */
  get dueAt(): number {
    const { until, limitAt } = this
    return typeof until === 'object' && this.#repliedAt !== undefined
      ? Math.min(limitAt, this.#repliedAt + until.quiet)
      : limitAt
  }

  /** How it ends by what came; `undefined`: it goes on. */
  ending(): Ending | undefined {
    const { until, expected, outstanding } = this
    if (expected.length === 0) return 'nobody'
    const wanted = until === 'first' ? 1 : typeof until === 'number' ? until : expected.length
    if (this.#replied >= wanted) return 'met'
    if (outstanding > 0) return undefined
    return typeof until === 'object' && this.#replied > 0 ? 'met' : 'exhausted'
  }

  /** How it ends by time. */
  expiry(now: number): Ending | undefined {
    if (this.dueAt > now) return undefined
    return this.dueAt < this.limitAt ? 'met' : 'timeout'
  }

  seatsWith(outcome: Outcome): Seat[] {
    return [...this.outcomes.keys()].filter((seat) => this.outcomes[seat] === outcome)
  }

  /** The accounting, and whether each outcome is true. */
  judge(summary: Summary, ending: Ending): void {
    const { ask, expected, outcomes } = this
    const count = (outcome: Outcome) => this.seatsWith(outcome).length
    const ids = (...of: Outcome[]) =>
      expected.filter((_, seat) => of.includes(outcomes[seat] ?? 'left')).map(({ id }) => id)
    const { replied, errors, refused, missing, left, released } = summary
    const sum = replied + errors + missing.length + released.length
    must(summary.expected === expected.length, 'Count', () => {
      return `ask ${ask} was sent to ${expected.length}, and its summary expects ${summary.expected}`
    })
    must(sum === summary.expected, 'Count', () => {
      return `ask ${ask} expected ${summary.expected}: ${replied} replied, ${errors} failed, ${missing} missing, ${released} released`
    })
    const counted = { replied: count('reply'), errors: count('error') + count('refused'), refused: count('refused') }
    must(replied === counted.replied && errors === counted.errors && refused === counted.refused, 'Count', () => {
      return `ask ${ask} has ${replied} replies, ${errors} errors, ${refused} of them refused; it got ${JSON.stringify(counted)}`
    })
    must(summary.ending === ending, 'P1', () => `ask ${ask} ended as ${summary.ending}, not as ${ending}`)
    const inVain = ending === 'timeout' || ending === 'exhausted'
    this.#same('left', left, ids('left'))
    this.#same('missing', missing, inVain ? ids('left', 'outstanding') : ids('left'))
    this.#same('released', released, inVain ? [] : ids('outstanding'))
    const code = ending === 'nobody' ? 'CAUCUS_NO_RESPONDERS' : ending === 'timeout' ? 'CAUCUS_TIMEOUT' : undefined
    must(summary.code === code, ending === 'nobody' ? 'P6' : 'P1', () => {
      return `ask ${ask} ended as ${ending} with code ${summary.code}`
    })
  }

  #same(what: string, said: readonly string[], known: readonly string[]): void {
    const same = said.length === known.length && known.every((id) => said.includes(id))
    must(same, 'Truth', () => `ask ${this.ask} says ${what}: ${said.join()}; it is ${known.join() || 'nobody'}`)
  }
}
