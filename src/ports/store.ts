import type { Foundation } from '../core/group/foundation.ts'

/** Where a coordinator keeps what it must find again. `durable` says whether it outlives the process. */
export interface FoundationStore {
  readonly durable: boolean
  /** Names this server over restarts: whoever holds something from it finds it again by this. */
  readonly instanceId: string
  load(): Promise<Foundation | undefined>
  /** Resolves once durable. Calls are carried out in order. */
  save(foundation: Foundation): Promise<void>
  close(): Promise<void>
}
