import type { Reach } from './coordination.ts'

/** What a worker is told when it is started. */
export interface WorkOrder {
  readonly id: string
  readonly reach: Reach
  readonly group: string
  /** The folder of the logs and of the list of files. */
  readonly folder: string
  readonly dir: string
}

export type ToWorker =
  /** So many files of the list may be begun. */
  | { readonly type: 'release'; readonly files: number }
  /** Write down what was claimed, and claim no more: the check comes. */
  | { readonly type: 'finish' }
  | { readonly type: 'leave' }

export type FromWorker =
  | { readonly type: 'ready' }
  /** It stood still for so long; so much it believed to own before, so much when it looked again. */
  | { readonly type: 'woke'; readonly stoodStillMs: number; readonly before: number; readonly now: number }
  | { readonly type: 'finished' }
