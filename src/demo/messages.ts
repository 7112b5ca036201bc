import type { Reach } from './coordination.ts'

/** What a worker is told when it is started. */
export interface WorkOrder {
  readonly id: string
  readonly reach: Reach
  readonly group: string
  /** The folder of the logs and of the list of files of the round that is under way. */
  readonly folder: string
  readonly dir: string
}

export type ToWorker =
  /** So many files of the list in this folder may be begun. Another folder than before is another round. */
  | { readonly type: 'release'; readonly files: number; readonly folder: string }
  /** Write down what was claimed, and claim no more in this round: the check comes. */
  | { readonly type: 'finish' }
  | { readonly type: 'leave' }

export type FromWorker =
  | { readonly type: 'ready' }
  /** It stood still for so long; so much it believed to own before, so much when it looked again. */
  | { readonly type: 'woke'; readonly stoodStillMs: number; readonly before: number; readonly now: number }
  | { readonly type: 'finished' }

/** What the process between workers and servers is told. `name` is a worker's. */
export type ToNetwork =
  | { readonly type: 'open'; readonly name: string; readonly targets: readonly Target[] }
  | { readonly type: 'cut' | 'heal' | 'close'; readonly name: string }

export interface Target {
  readonly host: string
  readonly port: number
}

/** The ports of one worker, in the order of the targets. */
export interface FromNetwork {
  readonly type: 'opened'
  readonly name: string
  readonly ports: readonly number[]
}
