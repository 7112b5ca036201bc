import { availableParallelism } from 'node:os'
import type { ResourceLimits } from 'node:worker_threads'
import { isCount } from '../core/dispatch/until.ts'
import { CaucusError } from '../errors.ts'
import type { ThreadSettings } from '../threads/thread-pool.ts'
import { checkMs, checkOptions } from './options.ts'
import { checkProduce, type ProduceOptions } from './topic-options.ts'

/** Options of a producer whose handler runs in threads of its own. */
export interface WorkerProduceOptions extends ProduceOptions {
  /** Which export of the module is the handler. Default `'default'`. */
  readonly exportName?: string
  /**
   * How many threads there are at most. A thread works on one request at a time, so the smaller of this and `concurrency` counts. Default:
   * `concurrency`, up to what the machine can do at once (`os.availableParallelism()`). With `threads` alone, `concurrency` is the same.
   */
  readonly threads?: number
  /** How long a handler may go on once its request is over, before its thread is ended. Default 1 000. */
  readonly killAfterMs?: number
  /** How long a thread stays that has nothing to do. Default 30 000. */
  readonly idleMs?: number
  /** How much memory each thread may take; one that takes more dies, and its request fails. */
  readonly resourceLimits?: ResourceLimits
}

const NAMES = ['exportName', 'threads', 'killAfterMs', 'idleMs', 'resourceLimits'] as const
const PRODUCE_NAMES = ['id', 'concurrency', 'queueLimit', 'metadata', 'queue'] as const
const LIMITS = ['maxOldGenerationSizeMb', 'maxYoungGenerationSizeMb', 'codeRangeSizeMb', 'stackSizeMb'] as const
const MAX_THREADS = 1_024

const refuse = (message: string): never => {
  throw new CaucusError('CAUCUS_INVALID_ARGUMENT', message)
}

/** What a producer in threads asks for, and its threads, with the defaults. */
export const checkWorkers = (module: URL, options: WorkerProduceOptions) => {
  checkOptions(options, [...PRODUCE_NAMES, ...NAMES], 'produce(url)')
  if (module.protocol !== 'file:' && module.protocol !== 'data:')
    refuse(
      `produce(url) takes a file: URL, as new URL('./handler.js', import.meta.url) gives it, not ${module.protocol}`,
    )
  const { exportName = 'default', threads, killAfterMs, idleMs, resourceLimits, ...rest } = options
  if (typeof exportName !== 'string' || exportName === '') refuse('exportName must be the name of an export')
  if (threads !== undefined && !(isCount(threads) && threads <= MAX_THREADS))
    refuse(`threads must be a whole number from 1 to ${MAX_THREADS}`)
  checkLimits(resourceLimits)
  const produce = checkProduce(
    rest.concurrency === undefined && threads !== undefined ? { ...rest, concurrency: threads } : rest,
  )
  const concurrency = Math.min(produce.concurrency, threads ?? availableParallelism(), MAX_THREADS)
  const settings: ThreadSettings = {
    module,
    exportName,
    threads: concurrency,
    killAfterMs: checkMs(killAfterMs, 'killAfterMs', 1_000),
    idleMs: checkMs(idleMs, 'idleMs', 30_000),
    resourceLimits,
  }
  return { produce: { ...produce, concurrency }, settings }
}

const checkLimits = (limits: ResourceLimits | undefined): void => {
  checkOptions(limits, LIMITS, 'resourceLimits')
  for (const [name, value] of Object.entries(limits ?? {})) {
    // With less than that, Node itself cannot start a thread, and some of them end the whole process.
    if (value !== undefined && !(Number.isFinite(value) && value >= 1))
      refuse(`resourceLimits.${name} must be a number of megabytes, at least 1`)
  }
}
