import type { TopicsDown, TopicsUp } from '../../core/dispatch/link-messages.ts'
import type { MemberMessage, Refused, Renew } from '../../core/group/messages.ts'
import type { Instant, Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import type { Audit } from './audit.ts'
import type { Caller } from './caller.ts'
import type { Ownership } from './ownership.ts'
import type { Principal } from './principal.ts'
import type { Kind, Rates } from './rates.ts'

/** What a link asks before it passes a member's words on. */
export interface Gate {
  /** The messages that may pass, in order. `answer` is called, at most once, with what the others are told. */
  admit(messages: readonly MemberMessage[], answer: (refusals: readonly Refused[]) => void): readonly MemberMessage[]
  /** Who asks on topics through this link. */
  readonly name: string
  /** The messages that may pass, in order. `answer` is called with what each of the others is told; `costOf` says what an ask costs. */
  admitTopics(
    messages: readonly TopicsUp[],
    answer: (denial: TopicsDown) => void,
    costOf: (ask: Ask) => number,
  ): readonly TopicsUp[]
  /** Why it may not do that on a topic, by now. */
  topicFault(what: 'ask' | 'producer' | 'listener', topic: string): CaucusError | undefined
  /** Looks anew at who this is, after the entries have changed. Why it may not stay, if it may not. */
  review(): CaucusError | undefined
}

export interface LinkGateOptions {
  /** Who that is by now; `undefined`: nobody. */
  principalNow(caller: Caller): Principal | undefined
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
    const tooMuch = this.#tooMuch('renewals', Math.max(1, messages.length))
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

  #tooMuch(kind: Kind, messages: number): CaucusError | undefined {
    const { rates } = this.#options
    const { principal, from } = this.#caller
    return rates.take(kind, 'address', from.network, messages) ?? rates.takeOf(principal, kind, messages)
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

  get name(): string {
    return this.#caller.principal.name
  }

  /** What answers is not looked at: it was asked for, or the host finds out that it was not. */
  admitTopics(
    messages: readonly TopicsUp[],
    answer: (denial: TopicsDown) => void,
    costOf: (ask: Ask) => number,
  ): readonly TopicsUp[] {
    const costOfAny = (message: Beginning) => (message.type === 'ask' ? costOf(message) : 1)
    let begun = 0
    let cost = 0
    for (const message of messages) {
      if (!begins(message)) continue
      begun++
      cost += costOfAny(message)
    }
    if (begun === 0) return messages
    // Those that are cheap all at once, as nearly always; or else each as long as there is something left for it.
    const areTaken = cost === begun && this.#tooMuch('asks', cost) === undefined
    let tooMuch: CaucusError | undefined
    const { principal } = this.#caller
    let denied = 0
    let forbidden = 0
    const passed = messages.filter((message) => {
      if (!begins(message)) return true
      if (!areTaken) tooMuch ??= this.#tooMuch('asks', costOfAny(message))
      const fault = tooMuch ?? principal.mayNot(VERBS[message.type], message.topic)
      if (fault === undefined) return true
      denied++
      // One line for the log; how many there were, the counters tell.
      if (tooMuch === undefined && forbidden++ === 0)
        this.#options.audit.refused(this.#caller, `${REQUEST} ${message.type}`, fault)
      answer(denialOf(message, fault))
      return false
    })
    this.#options.counts.messagesForbidden += forbidden
    return denied === 0 ? messages : passed
  }

  topicFault(what: 'ask' | 'producer' | 'listener', topic: string): CaucusError | undefined {
    const verb = what === 'ask' ? VERBS.ask : what === 'producer' ? VERBS.produce : VERBS.listen
    return this.#caller.principal.mayNot(verb, topic)
  }

  review(): CaucusError | undefined {
    const principal = this.#options.principalNow(this.#caller)
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

type Ask = Extract<TopicsUp, { type: 'ask' }>
type Beginning = Extract<TopicsUp, { type: 'ask' | 'produce' | 'listen' }>

const VERBS = { ask: 'ask on', produce: 'produce on', listen: 'listen on' } as const

const begins = (message: TopicsUp): message is Beginning =>
  message.type === 'ask' || message.type === 'produce' || message.type === 'listen'

const denialOf = (message: Beginning, fault: CaucusError): TopicsDown => {
  const error = fault.toJSON()
  if (message.type === 'ask') return { type: 'denied', what: 'ask', key: message.ask, error }
  if (message.type === 'produce') return { type: 'denied', what: 'producer', key: message.producer, error }
  return { type: 'denied', what: 'listener', key: message.listener, error }
}
