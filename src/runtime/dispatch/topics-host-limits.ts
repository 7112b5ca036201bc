import type { HubLimits } from '../../core/dispatch/hub.ts'
import type { Millis } from '../../core/time.ts'

/** What a host of topics takes, from all links together and from each. */
export interface TopicsLimits extends HubLimits {
  /** Asks of one link that are under way. */
  readonly asksPerLink: number
  readonly producersPerLink: number
  readonly listenersPerLink: number
  /** Requests that the producers of one link have not answered. One more is refused in their place. */
  readonly requestsPerLink: number
  /** Streams that one link reads, and streams that it sends. */
  readonly streamsPerLink: number
  /** How much may wait in a link before it gets no more requests and replies. */
  readonly linkBytes: number
  /** How much may wait in all links together before a large request is copied to nobody. */
  readonly waitingBytes: number
  /** How much of one stream may be under way: what the protocol says. */
  readonly streamWindowBytes: number
  /** How much of the streams that one link reads may be under way. */
  readonly streamBytesPerLink: number
  /** What one ask may become, when its request is copied to everybody on the topic. */
  readonly fanOutBytes: number
  /** A stream of which nothing is read or sent for so long has ended. */
  readonly streamIdleMs: Millis
}

export const DEFAULT_TOPICS_LIMITS: TopicsLimits = Object.freeze({
  asks: 100_000,
  producers: 20_000,
  listeners: 20_000,
  asksPerLink: 4_096,
  producersPerLink: 1_024,
  listenersPerLink: 1_024,
  requestsPerLink: 10_000,
  streamsPerLink: 64,
  linkBytes: 8 * 2 ** 20,
  waitingBytes: 128 * 2 ** 20,
  streamWindowBytes: 256 * 1024,
  streamBytesPerLink: 2 ** 20,
  fanOutBytes: 64 * 2 ** 20,
  streamIdleMs: 60_000,
})

/** So many answers that nobody is waiting for, and that nobody was asked for, are an accident. */
export const MAX_UNASKED = 1_000
/** All names of the producers of one topic together: they are listed in one message. */
export const MAX_NAMES_BYTES = 256 * 1024
/** Of so many requests that were called off it is known whose they were. */
export const MAX_CALLED_OFF = 10_000
