import type { MemberMessage, Refused, Renew } from '../../core/group/messages.ts'
import type { Instant, Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import type { Access } from './access.ts'
import type { Audit } from './audit.ts'
import type { Caller } from './caller.ts'
import type { Ownership } from './ownership.ts'
import type { Rates } from './rates.ts'

/** What a link asks before it passes a member's words on. */
export interface Gate {
  /** The messages that may pass, in order. `answer` is called, at most once, with what the others are told. */
  admit(messages: readonly MemberMessage[], answer: (refusals: readonly Refused[]) => void): readonly MemberMessage[]
  /** Looks anew at who this is, after the entries have changed. Why it may not stay, if it may not. */
  review(): CaucusError | undefined
}

export interface LinkGateOptions {
  readonly access: Access
  readonly ownership: Ownership
  readonly rates: Rates
  readonly audit: Audit
  readonly counts: { messagesForbidden: number }
  now(): Instant
}

/** A link that floods is told so as often; more would only feed the flood. */
const TELL_EVERY_MS: Millis = 1_000
const REQUEST = 'WebSocket /v1/link'

/** Holds one connection to what its caller may do. Found out once, so a renewal costs a few look-ups. */
export class LinkGate implements Gate {
  readonly #options: LinkGateOptions
  #caller: Caller
  #toldAt: Instant = Number.NEGATIVE_INFINITY

  constructor(caller: Caller, options: LinkGateOptions) {
    this.#caller = caller
    this.#options = options
  }

  admit(messages: readonly MemberMessage[], answer: (refusals: readonly Refused[]) => void): readonly MemberMessage[] {
    const tooMuch = this.#tooMuch(Math.max(1, messages.length))
    if (tooMuch !== undefined) {
      this.#slowDown(messages, tooMuch, answer)
      return []
    }
    let faults: Map<MemberMessage, CaucusError> | undefined
    for (const message of messages) {
      const fault = this.#faultOf(message)
      if (fault !== undefined) faults = (faults ?? new Map()).set(message, fault)
    }
    if (faults === undefined) return messages
    const refusals = [...faults].flatMap(([message, fault]) => {
      this.#options.counts.messagesForbidden++
      this.#options.audit.refused(this.#caller, `${REQUEST} ${message.type}`, fault)
      // A leave has no refusal of its own; whoever may not say it was never taken.
      return message.type === 'renew' ? [refusalOf(message, 'CAUCUS_FORBIDDEN', fault)] : []
    })
    if (refusals.length > 0) answer(refusals)
    return messages.filter((message) => !faults?.has(message))
  }

  #faultOf({ type, group, member }: MemberMessage): CaucusError | undefined {
    const { ownership } = this.#options
    return type === 'renew' ? ownership.use(this.#caller, group, member) : ownership.leave(this.#caller, group, member)
  }

  #tooMuch(messages: number): CaucusError | undefined {
    const { rates } = this.#options
    const { principal, from } = this.#caller
    return rates.take('renewals', 'address', from.network, messages) ?? rates.takeOf(principal, 'renewals', messages)
  }

  #slowDown(
    messages: readonly MemberMessage[],
    fault: CaucusError,
    answer: (refusals: readonly Refused[]) => void,
  ): void {
    const now = this.#options.now()
    if (now - this.#toldAt < TELL_EVERY_MS) return
    this.#toldAt = now
    const renewals = messages.filter((message) => message.type === 'renew')
    if (renewals.length > 0) answer(renewals.map((renewal) => refusalOf(renewal, 'CAUCUS_OVERLOADED', fault)))
  }

  review(): CaucusError | undefined {
    const { shown } = this.#caller
    const principal = this.#options.access.principalOf(shown)
    if (principal === undefined) {
      return new CaucusError('CAUCUS_UNAUTHORIZED', 'the entry that let you in is not there any more')
    }
    this.#caller = { ...this.#caller, principal }
    return principal.joins ? undefined : principal.mayNotLink()
  }
}

const refusalOf = (
  { group, member, bootId }: Renew,
  code: 'CAUCUS_FORBIDDEN' | 'CAUCUS_OVERLOADED',
  { message }: CaucusError,
): Refused => ({ type: 'refused', group, member, bootId, code, message })
