import type { MessagePort } from 'node:worker_threads'
import type { TraceContext } from '../core/dispatch/link-messages.ts'
import type { ErrorBody } from '../errors.ts'
import type { RequestContext } from '../ports/topics.ts'

/** What the pool hands to a thread. Everything about the request itself goes through the port: it is read in order, and at any moment. */
export interface Job {
  /** The address of the module. */
  readonly module: string
  readonly exportName: string
  /** Brings, in this order: the `Asked` of a job that has one, and the `ErrorBody` of why it was called off, if it is. Takes the `Outcome`. */
  readonly port: MessagePort
  /** `load`: only see whether the module can be loaded. */
  readonly type: 'load' | 'serve'
}

export interface Asked {
  readonly payload: unknown
  readonly from: string
  readonly topic: string
  /** By the clock that all threads of a process share. */
  readonly deadlineMs: number
  readonly trace: TraceContext | undefined
}

export type Outcome =
  | { readonly type: 'loaded' }
  | { readonly type: 'replied'; readonly value: unknown }
  | { readonly type: 'failed'; readonly error: ErrorBody; readonly cause?: unknown }
  /** It was over before it began. */
  | { readonly type: 'skipped' }

/** What a handler in a thread is told besides the request. Its `signal` also tells a loop that never awaits anything. */
export interface ThreadContext extends RequestContext {
  /**
   * Hands these buffers over with the reply instead of copying them: they are empty here afterwards. The buffer of a `Uint8Array` is its
   * `buffer`.
   */
  transfer(...buffers: readonly ArrayBuffer[]): void
}

/** The present moment, on a clock that all threads of this process read alike. */
export const sharedNowMs = (): number => {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1_000 + nanoseconds / 1_000_000
}
