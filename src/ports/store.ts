import type { Foundation } from '../core/group/foundation.ts'
import type { CaucusError } from '../errors.ts'

/** Where a coordinator keeps what it must find again. `durable` says whether it outlives the process. */
export interface FoundationStore {
  readonly durable: boolean
  /** Names this server over restarts: whoever holds something from it finds it again by this. */
  readonly instanceId: string
  /** Resolves with the reason once somebody else may keep things there: whoever grants from this store must stop. */
  readonly lost?: Promise<CaucusError>
  load(): Promise<Foundation | undefined>
  /** Resolves once durable. Calls are carried out in order. */
  save(foundation: Foundation): Promise<void>
  close(): Promise<void>
}
