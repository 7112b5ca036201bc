import type { ReplicaRecord } from '../core/replication/messages.ts'

/** Where a voter keeps its copy of what every leader must find again: of the voter's store, which is open for as long as it. */
export interface ReplicaStore {
  /** As it was found when the store was opened; `undefined`: nothing. */
  readonly found: ReplicaRecord | undefined
  /** Resolves once durable. Calls are carried out in order. */
  save(record: ReplicaRecord): Promise<void>
}
