import type { Answer, Summary } from '../../core/dispatch/messages.ts'
import { must } from '../simulation/violation.ts'

/** An ask as its asker sees it. */
export class OwnAsk {
  readonly #name: string
  /** Every reply that a handler really gave. */
  readonly #given: ReadonlySet<string>
  readonly #from = new Set<string>()
  #replies = 0
  #errors = 0

  constructor(name: string, given: ReadonlySet<string>) {
    this.#name = name
    this.#given = given
  }

  answered(answer: Answer): void {
    const { from } = answer
    must(!this.#from.has(from), 'P3', () => `ask ${this.#name} has two answers of ${from}`)
    this.#from.add(from)
    if (answer.type === 'reply') {
      this.#replies++
      const { value } = answer
      must(
        this.#given.has(String(value)),
        'Truth',
        () => `ask ${this.#name} has "${value}" of ${from}, who never gave it`,
      )
    } else this.#errors++
  }

  finished({ replied, errors, missing, released }: Summary): void {
    must(replied === this.#replies && errors === this.#errors, 'Count', () => {
      return `ask ${this.#name} is told of ${replied} replies and ${errors} errors, and heard ${this.#replies} and ${this.#errors}`
    })
    const both = [...missing, ...released].find((id) => this.#from.has(id))
    must(
      both === undefined,
      'Truth',
      () => `ask ${this.#name} has an answer of ${both}, and is told that there is none`,
    )
  }
}
