import { must, Violation } from '../simulation/violation.ts'
import type { Down } from './messages.ts'

type Told = Extract<Down, { type: 'listening' | 'heard' | 'gap' }>

/** A listener: it hears every reply on its topic in order of arrival, and is told how many it did not. */
export class Hearing {
  readonly topic: string
  /** Its process's own number for it. A new one for each link. */
  number = 0
  /** The latest reply that it heard, or was told to have missed; `undefined`: it does not listen yet. */
  at: number | undefined

  constructor(topic: string) {
    this.topic = topic
  }

  heard(told: Told): void {
    if (told.type === 'listening') {
      this.at = told.after
      return
    }
    const { at } = this
    if (at === undefined) throw new Violation('Heard', `listener ${this.number} hears something before it listens`)
    this.at = at + (told.type === 'gap' ? told.dropped : 1)
    if (told.type === 'gap') return
    const { number } = told
    must(
      number === this.at,
      'Heard',
      () => `listener ${this.number} hears reply ${number} of ${this.topic} after ${at}`,
    )
  }

  /** Its link is gone: what comes now is missed. */
  interrupted(): void {
    this.at = undefined
  }
}
