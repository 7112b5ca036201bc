import type { AsksSeen } from '../../../src/core/dispatch/sight.ts'
import { path, request } from '../api.ts'
import { SseReader } from '../model/sse.ts'
import { asApiError, heard } from '../server.ts'
import { Asks } from './topics-asks.ts'

/** A stream says something at least this often; without a word for longer, nobody is there. */
const SILENCE_MS = 45_000
const RETRY_MS = 1_000

/** The asks of one topic as they go on. Nothing is asked of a server while the tab is hidden: it notes nothing for nobody. */
export class AskFeed {
  asks = new Asks()
  /** It may not be read: why. */
  problem = ''
  /** Something has come, so what is shown is how it is. */
  isHeard = false
  readonly #topic: string
  readonly #changed: () => void
  #run: AbortController | undefined

  constructor(topic: string, changed: () => void) {
    this.#topic = topic
    this.#changed = changed
    document.addEventListener('visibilitychange', this.#seen)
    this.#seen()
  }

  close(): void {
    document.removeEventListener('visibilitychange', this.#seen)
    this.#run?.abort()
  }

  readonly #seen = (): void => {
    this.#run?.abort()
    this.#run = undefined
    if (document.hidden) return
    this.#run = new AbortController()
    void this.#follow(this.#run.signal)
  }

  async #follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#read(signal)
      } catch (error) {
        if (signal.aborted) return
        const fault = asApiError(error)
        if (fault.status === 403 || fault.status === 404 || fault.status === 429) this.problem = fault.message
        else heard(fault)
        this.#changed()
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const ended = new AbortController()
    const end = () => ended.abort()
    signal.addEventListener('abort', end, { once: true })
    let silence = setTimeout(end, SILENCE_MS)
    try {
      const asked = { signal: ended.signal, accept: 'text/event-stream' }
      const { body } = await request(path`/v1/topics/${this.#topic}/asks`, asked)
      if (body === null) return
      heard()
      // What it says first is everything that is known.
      this.asks = new Asks()
      this.problem = ''
      const reader = new SseReader()
      const decoder = new TextDecoder()
      const pieces = body.getReader()
      for (let piece = await pieces.read(); !piece.done; piece = await pieces.read()) {
        clearTimeout(silence)
        silence = setTimeout(end, SILENCE_MS)
        const messages = reader.read(decoder.decode(piece.value, { stream: true }))
        for (const { event, data } of messages) {
          if (event === 'asks') this.asks.take(JSON.parse(data) as AsksSeen, Date.now())
        }
        if (messages.length === 0) continue
        this.isHeard = true
        this.#changed()
      }
    } finally {
      clearTimeout(silence)
      ended.abort()
      signal.removeEventListener('abort', end)
    }
  }
}
