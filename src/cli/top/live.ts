import { setTimeout as sleep } from 'node:timers/promises'
import type { Millis } from '../../core/time.ts'
import { isCaucusError } from '../../errors.ts'
import { describeBreak } from '../api.ts'
import { follow } from '../follow.ts'
import type { Leader } from '../leader.ts'
import { describeEvent, fetchHistory } from '../one-group.ts'
import { plain } from '../paint.ts'
import { describeMessage } from '../telling.ts'
import { Moves } from './moves.ts'
import type { Asker } from './picture.ts'
import type { HeardLeader, Opened, TopState } from './state.ts'

/** What is known, of which the rest of the screen's state is made. */
export type Known = Pick<TopState, 'picture' | 'peers' | 'led' | 'lost' | 'moved' | 'opened'>

export interface LiveOptions {
  /** How often a server is asked for everything, at most. */
  readonly everyMs: Millis
  readonly signal: AbortSignal
  readonly nowMs?: () => number
}

/** Whoever needs long for an answer is asked as much less often, so that looking on is never much of a load. */
const REST = 10
const LONGEST_PAUSE_MS = 30_000
/** After an event, and after a failure. */
const SHORTEST_PAUSE_MS = 250
const PEERS_EVERY_MS = 500
/** A server that runs by itself may be another one after its restart. */
const NO_PEERS_EVERY_MS = 5_000
/** As many as the highest of terminals would show. */
const MAX_EVENTS = 200

/** Asks servers again and again, and follows the events of the group that is opened. */
export class Live {
  readonly #asker: Asker
  readonly #options: LiveOptions
  readonly #nowMs: () => number
  readonly #moves = new Moves()
  #known: Known = { moved: new Map() }
  #wake: (() => void) | undefined
  #closeGroup: (() => void) | undefined
  #openedName: string | undefined

  constructor(asker: Asker, options: LiveOptions) {
    this.#asker = asker
    this.#options = options
    this.#nowMs = options.nowMs ?? (() => performance.now())
  }

  get known(): Known {
    return this.#known
  }

  /** Runs until the signal aborts. Rejects with what a first answer says that no other try would mend. */
  async run(): Promise<void> {
    const { signal } = this.#options
    try {
      await Promise.all([this.#pictures(signal), this.#peers(signal)])
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      this.#closeGroup?.()
    }
  }

  /** Follows the events of this group from now on, and of no other. */
  open(group: string | undefined): void {
    if (group === this.#openedName) return
    this.#openedName = group
    this.#closeGroup?.()
    const { opened: _, ...others } = this.#known
    this.#known = others
    if (group === undefined) return
    const closing = new AbortController()
    this.#closeGroup = () => closing.abort()
    void this.#events(group, closing.signal)
  }

  async #pictures(signal: AbortSignal): Promise<void> {
    let wasAnswered = false
    for (;;) {
      signal.throwIfAborted()
      const askedMs = this.#nowMs()
      try {
        const picture = await this.#asker.picture(signal)
        wasAnswered = true
        const { lost: _, ...others } = this.#known
        this.#learn({ ...others, picture, moved: this.#moves.take(picture.groups) })
        // A server by itself never says who leads.
        if (this.#known.peers === undefined && picture.leader !== undefined) this.#hear(picture.leader, askedMs)
      } catch (error) {
        signal.throwIfAborted()
        if (!wasAnswered && isCaucusError(error) && !error.retriable) throw error
        const { lost = { sinceMs: askedMs } } = this.#known
        this.#learn({ ...this.#known, lost: { ...lost, why: describeBreak(error) } })
      }
      await this.#pause(this.#nowMs() - askedMs, signal)
    }
  }

  /** Until it is time for the next picture: sooner after an event, later when a server has much to say. */
  async #pause(tookMs: Millis, signal: AbortSignal): Promise<void> {
    const restMs = Math.min(REST * tookMs, LONGEST_PAUSE_MS)
    await sleep(Math.max(SHORTEST_PAUSE_MS, this.#known.lost === undefined ? restMs : 0), undefined, { signal })
    const leftMs = this.#options.everyMs - Math.max(SHORTEST_PAUSE_MS, restMs)
    if (leftMs <= 0) return
    const woken = new AbortController()
    this.#wake = () => woken.abort()
    const stop = () => woken.abort()
    signal.addEventListener('abort', stop, { once: true })
    try {
      await sleep(leftMs, undefined, { signal: woken.signal })
    } catch {
      // Woken, or stopped: the next turn sees which.
    } finally {
      this.#wake = undefined
      signal.removeEventListener('abort', stop)
    }
  }

  async #peers(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted()
      const askedMs = this.#nowMs()
      let pauseMs = PEERS_EVERY_MS
      try {
        const found = await this.#asker.peers(signal)
        if (found === undefined) pauseMs = NO_PEERS_EVERY_MS
        const { peers: _, led, ...others } = this.#known
        const { view: peers, leader } = found ?? {}
        this.#learn({ ...others, ...(peers !== undefined && { peers }), ...(found === undefined && led && { led }) })
        if (leader !== undefined) this.#hear(leader, askedMs, led)
      } catch {
        // What is lost is said by whoever asks for pictures; here the lease runs down meanwhile.
        signal.throwIfAborted()
      }
      await sleep(pauseMs, undefined, { signal })
    }
  }

  #hear(leader: Leader, atMs: number, before: HeardLeader | undefined = this.#known.led): void {
    const { leaseMsLeft = 0 } = leader
    const fullMs = before?.leader.term === leader.term ? Math.max(before.fullMs, leaseMsLeft) : leaseMsLeft
    this.#learn({ ...this.#known, led: { leader, atMs, fullMs } })
  }

  async #events(group: string, signal: AbortSignal): Promise<void> {
    let from: string | undefined
    for (;;) {
      try {
        const { events } = await fetchHistory(this.#asker.api, group, { limit: MAX_EVENTS }, { signal })
        from = events.at(-1)?.revision
        if (!signal.aborted) this.#tell({ events: events.map((event) => describeEvent(event, plain)) })
      } catch (error) {
        if (signal.aborted) return
        // A service may have been found by its name before anything has happened in it.
        if (!isCaucusError(error) || error.code !== 'CAUCUS_NOT_FOUND') this.#tell(this.#failed(error))
      }
      try {
        await follow(this.#asker.api, { group, from }, SILENT, signal, (message) => {
          if (signal.aborted) return
          const { events = [] } = this.#known.opened ?? {}
          this.#tell({ events: [...events, describeMessage(message, plain)].slice(-MAX_EVENTS) })
          this.#wake?.()
        })
      } catch (error) {
        if (signal.aborted) return
        // Another try would say the same now, and not for ever.
        this.#tell(this.#failed(error))
      }
      try {
        await sleep(NO_PEERS_EVERY_MS, undefined, { signal })
      } catch {
        // Another group is looked at.
        return
      }
    }
  }

  #failed(error: unknown): Opened {
    return { events: this.#known.opened?.events ?? [], problem: describeBreak(error) }
  }

  #tell(opened: Opened): void {
    this.#learn({ ...this.#known, opened })
  }

  #learn(known: Known): void {
    this.#known = known
  }
}

/** The screen says what is the matter; a line of a log would stand in the middle of it. */
const SILENT = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
