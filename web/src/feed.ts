import type { GroupPast } from '../../src/core/group/past.ts'
import type { GroupView } from '../../src/core/group/view.ts'
import type { RecordedEvent } from '../../src/ports/hosting.ts'
import { getSized, path, request } from './api.ts'
import { beforeAll, isAfter } from './model/past.ts'
import { type Picture, pictureOf } from './model/picture.ts'
import { SseReader } from './model/sse.ts'
import { asApiError, heard } from './server.ts'

export type History = GroupPast<RecordedEvent> & { readonly group: string; readonly view?: GroupView }

/** So much of the past is kept for the slider. */
const MOST_EVENTS = 4_096
/** A stream says something at least this often; without a word for longer, nobody is there. */
const SILENCE_MS = 45_000
const RENEW_MS = 2_000
/** A group that is long to tell is asked for less often: one of a thousand members every eleven seconds at most. */
const BYTES_PER_MS = 10

/** One group as it is, was, and goes on: its picture, what happened, and the stream of what happens. */
export class Feed {
  readonly group: string
  /** Before the first of `events`. */
  base: Picture | undefined
  events: RecordedEvent[] = []
  /** After the last of them. */
  live: Picture | undefined
  view: GroupView | undefined
  /** The group is not there, or may not be read: why. */
  problem: string | undefined
  /** Events before the first one are forgotten. */
  forgotten = false
  /** How many events came before those that are kept. */
  dropped = 0
  /** Since when the server records. */
  sinceMs = 0
  /** How far its clock is ahead of this one. */
  #aheadMs = 0
  readonly #ended = new AbortController()
  readonly #changed: () => void
  #notifying = false
  #last: string | undefined
  #renewing = false
  #renewMs = RENEW_MS

  constructor(group: string, changed: () => void) {
    this.group = group
    this.#changed = changed
    void this.#run()
  }

  close(): void {
    this.#ended.abort()
  }

  /** By the clock of the server, which has told when everything was. */
  get nowMs(): number {
    return Date.now() + this.#aheadMs
  }

  async #run(): Promise<void> {
    const { signal } = this.#ended
    while (!signal.aborted) {
      try {
        await this.#load()
        await this.#follow()
      } catch (error) {
        const fault = asApiError(error)
        if (signal.aborted) return
        if (fault.status === 404 || fault.status === 403) {
          this.problem = fault.message
          this.view = undefined
          this.live = undefined
        } else heard(fault)
        this.#notify()
      }
      await new Promise((resolve) => setTimeout(resolve, 1_000))
    }
  }

  async #load(): Promise<void> {
    const history = await this.#history(MOST_EVENTS)
    heard()
    this.problem = history.view === undefined ? 'Nobody is in this group any more.' : undefined
    this.view = history.view
    this.events = [...history.events]
    this.dropped = 0
    this.forgotten = history.forgotten || history.more
    this.sinceMs = history.sinceMs
    this.#aheadMs = history.nowMs - Date.now()
    this.#last = history.events.at(-1)?.revision
    this.live = history.view && pictureOf(history.view)
    this.base = this.live && beforeAll(this.live, this.events)
    this.#notify()
  }

  async #history(limit: number): Promise<History> {
    const { signal } = this.#ended
    const asked = `${path`/v1/groups/${this.group}/history`}?limit=${limit}&view=true`
    const { value, length } = await getSized<History>(asked, signal)
    if (limit === 1) this.#renewMs = Math.max(RENEW_MS, length / BYTES_PER_MS)
    return value
  }

  async #follow(): Promise<void> {
    const after = this.#last === undefined ? '' : `?after=${encodeURIComponent(this.#last)}`
    const ended = new AbortController()
    const end = () => ended.abort()
    this.#ended.signal.addEventListener('abort', end, { once: true })
    let silence = setTimeout(end, SILENCE_MS)
    try {
      const asked = { signal: ended.signal, accept: 'text/event-stream' }
      const { body } = await request(`${path`/v1/groups/${this.group}/events`}${after}`, asked)
      if (body === null) return
      const reader = new SseReader()
      const decoder = new TextDecoder()
      const pieces = body.getReader()
      for (let piece = await pieces.read(); !piece.done; piece = await pieces.read()) {
        clearTimeout(silence)
        silence = setTimeout(end, SILENCE_MS)
        for (const { event, data } of reader.read(decoder.decode(piece.value, { stream: true }))) {
          // What was missed is asked for as a whole.
          if (event === 'gap') return
          this.#take(JSON.parse(data) as RecordedEvent)
        }
      }
    } finally {
      clearTimeout(silence)
      ended.abort()
      this.#ended.signal.removeEventListener('abort', end)
    }
  }

  #take(recorded: RecordedEvent): void {
    if (!isAfter(recorded.revision, this.#last)) return
    this.#last = recorded.revision
    this.events.push(recorded)
    this.live?.apply(recorded.event)
    while (this.events.length > MOST_EVENTS) {
      const oldest = this.events.shift()
      if (oldest !== undefined) this.base?.apply(oldest.event)
      this.dropped++
      this.forgotten = true
    }
    this.#notify()
    if (recorded.event.type === 'group.settled' || this.live === undefined) void this.#renew()
  }

  /** What no event tells, such as the metadata of somebody new; once for many events. */
  async #renew(): Promise<void> {
    if (this.#renewing) return
    this.#renewing = true
    try {
      await new Promise((resolve) => setTimeout(resolve, this.#renewMs))
      const { view, events } = await this.#history(1)
      // Of a later moment than what has been heard of: the rest is heard, and then asked for, later.
      if (view === undefined || (events[0] && isAfter(events[0].revision, this.#last))) return
      if (events[0] && isAfter(this.#last ?? '', events[0].revision)) return
      this.view = view
      this.live = pictureOf(view)
      this.base ??= beforeAll(this.live, this.events)
      this.problem = undefined
      this.#notify()
    } catch (error) {
      if (!this.#ended.signal.aborted) heard(asApiError(error))
    } finally {
      this.#renewing = false
    }
  }

  /** A thousand events of one turn are shown at once. */
  #notify(): void {
    if (this.#notifying || this.#ended.signal.aborted) return
    this.#notifying = true
    setTimeout(() => {
      this.#notifying = false
      if (!this.#ended.signal.aborted) this.#changed()
    }, 50)
  }
}
