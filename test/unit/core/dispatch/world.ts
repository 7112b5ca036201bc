import { expect } from 'vitest'
import type { HubView } from '../../../../src/core/dispatch/hub.ts'
import type {
  Answer,
  AskId,
  HubEffect,
  HubInput,
  Registration,
  Seat,
  Summary,
  Target,
  Until,
} from '../../../../src/core/dispatch/messages.ts'
import type { Machine } from '../../../../src/core/machine.ts'
import { CaucusError } from '../../../../src/errors.ts'

export type HubMachine = Machine<HubInput, HubEffect, HubView>

/** What a bystander knows of an ask, worked out from what was said and not from the hub. */
interface Known {
  readonly until: Until
  readonly limitAt: number
  readonly expected: readonly Registration[]
  /** By seat. */
  readonly answers: ('outstanding' | 'reply' | 'error' | 'refused' | 'left')[]
  repliedAt: number | undefined
  summary: Summary | undefined
}

const failure = (from: string, outcome: 'error' | 'refused'): Answer => ({
  type: 'error',
  outcome,
  from,
  error: new CaucusError(outcome === 'error' ? 'CAUCUS_HANDLER_FAILED' : 'CAUCUS_OVERLOADED', 'no'),
})

/** A hub, those around it, and somebody who holds each step against P1 to P6. */
export class World {
  now = 0
  readonly hub: HubMachine
  readonly roster = new Map<number, Registration & { onRoster: boolean }>()
  readonly listeners = new Map<number, { readonly peer: number; readonly topic: string }>()
  readonly asks = new Map<AskId, Known & { readonly peer: number; readonly topic: string }>()
  #keys = 0

  constructor(hub: HubMachine) {
    this.hub = hub
  }

  get open(): AskId[] {
    return [...this.asks].filter(([, { summary }]) => summary === undefined).map(([ask]) => ask)
  }

  produce(peer: number, topic: string, id: string, queue?: string): number {
    const producer = ++this.#keys
    const before = [...this.roster.values()].find((one) => one.topic === topic && one.id === id && one.onRoster)
    const registration = { producer, peer, topic, id, queue, concurrency: 1, metadata: { peer } }
    const effects = this.#step({ type: 'produce', ...registration }, () => {
      if (before !== undefined) this.#leaves(before.producer)
      this.roster.set(producer, { ...registration, onRoster: true })
    })
    expect(effects.some((effect) => effect.type === 'fenced' && effect.producer === before?.producer)).toBe(
      before !== undefined,
    )
    return producer
  }

  withdraw(producer: number): void {
    const registration = this.roster.get(producer)
    if (registration !== undefined) registration.onRoster = false
    this.#step({ type: 'withdraw', producer })
  }

  leave(producer: number): void {
    this.#step({ type: 'left', producer }, () => this.#leaves(producer))
  }

  unlink(peer: number): void {
    this.#step({ type: 'unlinked', peer }, () => {
      for (const ask of this.open) if (this.asks.get(ask)?.peer === peer) this.#abandoned.add(ask)
      for (const [producer, one] of this.roster) if (one.peer === peer) this.#leaves(producer)
      for (const [listener, one] of this.listeners) if (one.peer === peer) this.listeners.delete(listener)
    })
  }

  listen(peer: number, topic: string): void {
    const listener = ++this.#keys
    this.listeners.set(listener, { peer, topic })
    this.#step({ type: 'listen', listener, peer, topic })
  }

  unlisten(listener: number): void {
    this.listeners.delete(listener)
    this.#step({ type: 'unlisten', listener })
  }

  ask(peer: number, topic: string, until: Until, withinMs: number, to?: Target): AskId {
    const ask = ++this.#keys
    const effects = this.hub.step(
      { type: 'ask', ask, peer, asker: `asker ${ask}`, topic, payload: ask, until, withinMs, to },
      this.now,
    )
    const requests = effects.filter((effect) => effect.type === 'request')
    // P3: one request, in which nobody is named twice, and all are on the roster of that moment.
    expect(requests.length).toBeLessThanOrEqual(1)
    const expected = requests[0]?.expected ?? []
    expect(new Set(expected.map(({ producer }) => producer)).size).toBe(expected.length)
    for (const { producer } of expected) expect(this.roster.get(producer)).toMatchObject({ topic, onRoster: true })
    const limitAt = this.now + withinMs
    if (requests[0] !== undefined) expect(requests[0]).toMatchObject({ payload: ask, deadline: limitAt })
    const answers = expected.map(() => 'outstanding' as const)
    this.asks.set(ask, { peer, topic, until, limitAt, expected, answers, repliedAt: undefined, summary: undefined })
    // P6: nobody there, so it is over in the same step.
    if (to === undefined && ![...this.roster.values()].some((one) => one.topic === topic && one.onRoster))
      expect(effects).toMatchObject([{ type: 'finished', ask, summary: { code: 'CAUCUS_NO_RESPONDERS' } }])
    this.#judge(effects)
    return ask
  }

  /** Whether it is one that counts is for the bystander to say. */
  answer(ask: AskId, seat: Seat, kind: 'reply' | 'error' | 'refused', producer?: number): void {
    const known = this.asks.get(ask)
    const seated = known?.expected[seat]
    const from = producer ?? seated?.producer ?? 0
    const answer: Answer =
      kind === 'reply'
        ? { type: 'reply', from: seated?.id ?? '?', value: `${ask}/${seat}` }
        : failure(seated?.id ?? '?', kind)
    const counts =
      known !== undefined &&
      known.summary === undefined &&
      known.answers[seat] === 'outstanding' &&
      seated?.producer === from
    const effects = this.#step({ type: 'answers', answers: [{ ask, seat, producer: from, answer }] }, () => {
      if (!counts) return
      known.answers[seat] = kind
      if (kind === 'reply') known.repliedAt = this.now
    })
    expect(effects.filter((effect) => effect.type === 'answered')).toEqual(
      counts ? [{ type: 'answered', ask, asker: `asker ${ask}`, answer }] : [],
    )
    const listening = [...this.listeners].filter(([, { topic }]) => topic === known?.topic).map(([key]) => key)
    expect(effects.filter((effect) => effect.type === 'heard')).toEqual(
      counts && kind === 'reply' && listening.length > 0
        ? [{ type: 'heard', ask, reply: answer, listeners: listening }]
        : [],
    )
  }

  abandon(ask: AskId): void {
    this.#step({ type: 'abandon', ask }, () => this.#abandoned.add(ask))
  }

  /** Time goes by; the hub is woken whenever it asked for that, and not otherwise. */
  advance(ms: number): void {
    const until = this.now + ms
    for (;;) {
      const at = this.hub.wakeAt()
      // P5: nothing waits that the hub does not want to be woken for.
      const due = Math.min(...this.open.map((ask) => this.#dueAt(this.asks.get(ask) as Known)))
      if (due < Number.POSITIVE_INFINITY) expect(at).toBeLessThanOrEqual(due)
      if (at === undefined || at > until) break
      this.now = Math.max(this.now, at)
      this.#step({ type: 'woke' })
    }
    this.now = until
  }

  /** Everybody goes, and time goes by until nothing waits: P4. */
  end(): void {
    for (const producer of this.roster.keys()) this.leave(producer)
    for (const listener of this.listeners.keys()) this.unlisten(listener)
    this.advance(100_000)
    expect(this.open).toEqual([])
    expect(this.hub.view()).toMatchObject({ topics: 0, producers: 0, listeners: 0, asks: 0 })
    expect(this.hub.wakeAt()).toBeUndefined()
  }

  #abandoned = new Set<AskId>()

  #leaves(producer: number): void {
    this.roster.delete(producer)
    for (const ask of this.open) {
      // Called off by the same peer's end: that comes first.
      if (this.#abandoned.has(ask)) continue
      const { expected, answers } = this.asks.get(ask) as Known
      for (const [seat, one] of expected.entries()) {
        if (one.producer === producer && answers[seat] === 'outstanding') answers[seat] = 'left'
      }
    }
  }

  #step(input: HubInput | { type: 'woke' }, happen: () => void = () => {}): readonly HubEffect[] {
    const effects = this.hub.step(input, this.now)
    happen()
    this.#judge(effects)
    return effects
  }

  #judge(effects: readonly HubEffect[]): void {
    const cancelled = new Map<AskId, readonly Seat[]>()
    for (const effect of effects) {
      if (!('ask' in effect)) continue
      const known = this.asks.get(effect.ask)
      // P2: nothing after the end.
      expect(known?.summary, `${effect.type} after the end`).toBeUndefined()
      if (effect.type === 'cancel') cancelled.set(effect.ask, effect.seats)
      if (effect.type === 'finished' && known !== undefined) {
        known.summary = effect.summary
        this.#judgeEnd(effect.ask, known, effect.summary, cancelled.get(effect.ask) ?? [])
      }
    }
    // P1: whatever is over has been said to be.
    for (const ask of this.open) expect(this.#endingOf(ask, this.asks.get(ask) as Known), `ask ${ask}`).toBeUndefined()
  }

  #judgeEnd(ask: AskId, known: Known, summary: Summary, cancelled: readonly Seat[]): void {
    const { answers, expected, limitAt } = known
    const count = (kind: string) => answers.filter((answer) => answer === kind).length
    const outstanding = [...answers.keys()].filter((seat) => answers[seat] === 'outstanding')
    expect(cancelled).toEqual(outstanding)
    expect(summary.ending).toBe(this.#endingOf(ask, known))
    expect(summary).toMatchObject({
      expected: expected.length,
      replied: count('reply'),
      errors: count('error') + count('refused'),
      refused: count('refused'),
    })
    expect(summary.left).toHaveLength(count('left'))
    const { replied, errors, missing, released } = summary
    expect(replied + errors + missing.length + released.length).toBe(expected.length)
    if (summary.ending === 'timeout') expect(summary.missing).toHaveLength(count('left') + outstanding.length)
    // P5: no later than the limit.
    expect(this.now).toBeLessThanOrEqual(limitAt)
  }

  #dueAt({ until, limitAt, repliedAt }: Known): number {
    return typeof until === 'object' && repliedAt !== undefined ? Math.min(limitAt, repliedAt + until.quiet) : limitAt
  }

  #endingOf(ask: AskId, known: Known): string | undefined {
    const { until, expected, answers, limitAt } = known
    const replied = answers.filter((answer) => answer === 'reply').length
    const wanted = until === 'first' ? 1 : typeof until === 'number' ? until : expected.length
    if (expected.length === 0) return 'nobody'
    if (this.#abandoned.has(ask)) return 'abandoned'
    if (replied >= wanted) return 'met'
    if (!answers.includes('outstanding')) return typeof until === 'object' && replied > 0 ? 'met' : 'exhausted'
    const due = this.#dueAt(known)
    if (due > this.now) return undefined
    return due < limitAt ? 'met' : 'timeout'
  }
}
