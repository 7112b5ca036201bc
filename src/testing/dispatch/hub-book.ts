import type { Hub, HubLimits } from '../../core/dispatch/hub.ts'
import type { AskId, Ending, Given, HubCounters, HubEffect, HubInput, Reply } from '../../core/dispatch/messages.ts'
import type { Tick } from '../../core/machine.ts'
import { must } from '../simulation/violation.ts'
import { type Expectation, Expectations } from './expectations.ts'
import { KnownAsk } from './known-ask.ts'
import { RosterBook } from './roster-book.ts'

type Ask = Extract<HubInput, { type: 'ask' }>

/** How often its counters are compared with those of the hub, in steps. */
const COMPARED_EVERY = 16

/**
 * Stands beside a hub, and works out by itself what each input must bring about: P1 to P6, who is expected, the accounting, that outcomes are
 * true, and what listeners hear.
 */
export class HubBook {
  readonly #limits: HubLimits
  readonly #rosters = new RosterBook()
  readonly #asks = new Map<AskId, KnownAsk>()
  readonly #expectations = new Expectations()
  readonly #counts = {
    asks: 0,
    replies: 0,
    errors: 0,
    refused: 0,
    timedOut: 0,
    left: 0,
    released: 0,
    late: 0,
    foreign: 0,
  }
  #steps = 0
  #lastAsk = 0

  constructor(limits: HubLimits) {
    this.#limits = limits
  }

  get open(): number {
    return this.#asks.size
  }

  /** Those that have not ended, for a stranger to answer. */
  someOpen(): readonly KnownAsk[] {
    return [...this.#asks.values()]
  }

  /** To be called with every step of the hub. */
  stepped(hub: Hub, input: HubInput | Tick, effects: readonly HubEffect[], now: number): void {
    this.#predict(input, now)
    for (const effect of effects) this.#judge(effect, input, now)
    this.#expectations.end()
    this.#judgeWake(hub.wakeAt())
    this.#judgeTables(hub)
  }

  /** Everybody has gone, and time has gone by: nothing may be left. */
  judgeEmpty(hub: Hub): void {
    const { topics, producers, listeners, asks } = hub.view()
    must(topics + producers + listeners + asks === 0, 'P4', () => {
      return `everybody has gone, and the hub keeps ${topics} topics, ${producers} producers, ${listeners} listeners, ${asks} asks`
    })
    must(hub.wakeAt() === undefined, 'P4', () => 'everybody has gone, and the hub wants to be woken')
  }

  #predict(input: HubInput | Tick, now: number): void {
    switch (input.type) {
      case 'produce':
        return this.#produce(input)
      case 'withdraw':
        return this.#rosters.withdraw(input.producer)
      case 'left':
        return this.#leaves([input.producer])
      case 'unlinked':
        for (const known of [...this.#asks.values()]) if (known.peer === input.peer) this.#ends(known, 'abandoned')
        this.#rosters.unlistenPeer(input.peer)
        return this.#leaves(this.#rosters.ofPeer(input.peer))
      case 'ask':
        return this.#ask(input, now)
      case 'answers':
        for (const given of input.answers) this.#answer(given, now)
        return
      case 'abandon': {
        const known = this.#asks.get(input.ask)
        return known === undefined ? undefined : this.#ends(known, 'abandoned')
      }
      case 'listen':
        if (this.#rosters.listeners >= this.#limits.listeners) return this.#expectations.refusal(input.listener)
        return this.#rosters.listen(input.listener, input.peer, input.topic)
      case 'unlisten':
        return this.#rosters.unlisten(input.listener)
      case 'woke':
        for (const known of [...this.#asks.values()]) {
          const ending = known.expiry(now)
          if (ending !== undefined) this.#ends(known, ending, true)
        }
        return
      case 'stalled':
        return
    }
  }

  #produce(input: Extract<HubInput, { type: 'produce' }>): void {
    const before = this.#rosters.find(input.topic, input.id)
    if (before === undefined && this.#rosters.producers >= this.#limits.producers) {
      return this.#expectations.refusal(input.producer)
    }
    if (before !== undefined) {
      this.#leaves([before.producer])
      this.#expectations.fencing(before.producer)
    }
    this.#rosters.enter(input)
  }

  #ask(input: Ask, now: number): void {
    this.#lastAsk = input.ask
    if (this.#asks.size >= this.#limits.asks) return this.#expectations.refusal(input.ask)
    const known = new KnownAsk(input, now)
    this.#counts.asks++
    this.#asks.set(input.ask, known)
    if (this.#rosters.candidates(input.topic, input.to).length === 0) this.#ends(known, 'nobody')
    else this.#expectations.add(input.ask, { type: 'request', known })
  }

  #answer({ ask, seat, producer, answer }: Given, now: number): void {
    const known = this.#asks.get(ask)
    if (known === undefined) {
      this.#counts.late++
      return
    }
    if (!known.counts(seat, producer)) {
      this.#counts.foreign++
      return
    }
    known.take(seat, answer, now)
    this.#free(producer)
    this.#expectations.add(ask, { type: 'answered', answer })
    if (answer.type === 'reply') {
      this.#counts.replies++
      const listeners = this.#rosters.listenersOf(known.topic)
      if (listeners.length > 0) this.#expectations.add(ask, { type: 'heard', reply: answer, listeners })
    } else this.#counts[answer.outcome === 'refused' ? 'refused' : 'errors']++
    this.#endIfOver(known)
  }

  /** Together, as the hub takes them: what all of them leave behind counts before anything ends. */
  #leaves(producers: readonly number[]): void {
    const gone = producers.filter((producer) => this.#rosters.leave(producer))
    if (gone.length === 0) return
    for (const known of [...this.#asks.values()]) {
      const left = gone.filter((producer) => known.leaves(producer)).length
      this.#counts.left += left
      if (left > 0) this.#endIfOver(known)
    }
  }

  #endIfOver(known: KnownAsk): void {
    const ending = known.ending()
    if (ending !== undefined) this.#ends(known, ending)
  }

  #ends(known: KnownAsk, ending: Ending, byTime = false): void {
    this.#asks.delete(known.ask)
    if (known.outstanding > 0) {
      this.#counts[ending === 'timeout' ? 'timedOut' : 'released'] += known.outstanding
      this.#expectations.add(known.ask, { type: 'cancel', known })
      for (const seat of known.seatsWith('outstanding')) this.#free(known.expected[seat]?.producer)
    }
    this.#expectations.add(known.ask, { type: 'finished', known, ending, byTime })
  }

  #free(producer: number | undefined): void {
    const one = producer === undefined ? undefined : this.#rosters.get(producer)
    if (one !== undefined) one.outstanding--
  }

  #judge(effect: HubEffect, input: HubInput | Tick, now: number): void {
    if (effect.type === 'fenced') return this.#expectations.fenced(effect.producer)
    if (effect.type === 'refused') return this.#expectations.refused(effect.key)
    const { ask } = effect
    const expected = this.#expectations.next(effect, this.#asks.has(ask) || ask > this.#lastAsk)
    if (effect.type === 'request' && expected.type === 'request') {
      this.#judgeRequest(effect, expected.known, input as Ask, now)
    } else if (effect.type === 'heard' && expected.type === 'heard') judgeHeard(effect, expected)
    else if (effect.type === 'cancel' && expected.type === 'cancel') {
      const { known } = expected
      const seats = known.seatsWith('outstanding')
      must(effect.seats.join() === seats.join() && effect.expected.length === known.expected.length, 'Turn', () => {
        return `ask ${ask} has ended: seats ${effect.seats} are called off, and ${seats} are at work`
      })
    } else if (effect.type === 'finished' && expected.type === 'finished') {
      expected.known.judge(effect.summary, expected.ending)
    } else if (effect.type === 'answered' && expected.type === 'answered') {
      must(
        effect.answer === expected.answer,
        'Truth',
        () => `ask ${ask} is given another answer than its producer gave`,
      )
    }
  }

  #judgeRequest(effect: Extract<HubEffect, { type: 'request' }>, known: KnownAsk, input: Ask, now: number): void {
    const { ask, expected, deadline, payload } = effect
    this.#rosters.judge(ask, input.topic, input.to, expected)
    must(payload === input.payload && deadline === now + input.withinMs, 'Truth', () => {
      return `ask ${ask} goes out with another payload or deadline (${deadline}) than it was given`
    })
    known.expects(expected)
    for (const { producer } of expected) {
      const one = this.#rosters.get(producer)
      if (one !== undefined) one.outstanding++
    }
  }

  #judgeWake(at: number | undefined): void {
    for (const known of this.#asks.values()) {
      must(at !== undefined && at <= known.dueAt, 'P5', () => {
        return `ask ${known.ask} is due at ${known.dueAt}, and the hub wants to be woken at ${at}`
      })
    }
  }

  #judgeTables(hub: Hub): void {
    const view = hub.view()
    const { topics, producers, listeners } = this.#rosters
    const known = { topics, producers, listeners, asks: this.#asks.size }
    const same = (Object.keys(known) as (keyof typeof known)[]).every((name) => view[name] === known[name])
    must(
      same,
      'P4',
      () => `the hub keeps ${JSON.stringify({ ...view, counters: undefined })}; there are ${JSON.stringify(known)}`,
    )
    if (this.#steps++ % COMPARED_EVERY > 0) return
    for (const [name, count] of Object.entries(this.#counts) as [keyof HubCounters, number][]) {
      must(
        view.counters[name] === count,
        'Count',
        () => `the hub counts ${view.counters[name]} ${name}, and there were ${count}`,
      )
    }
  }
}

const judgeHeard = (
  { ask, reply, listeners }: { ask: AskId; reply: Reply; listeners: readonly number[] },
  expected: Extract<Expectation, { type: 'heard' }>,
): void => {
  const same = reply === expected.reply && listeners.join() === expected.listeners.join()
  must(same, 'Heard', () => `a reply to ask ${ask} goes to listeners ${listeners}; there are ${expected.listeners}`)
}
