import type { ElectionRecord } from '../core/election/record.ts'
import type { CaucusError } from '../errors.ts'

/** Where a voter keeps what it must find again: its term, its vote and the longest promise that it ever gave. */
export interface VoterStore {
  /** Resolves with the reason once somebody else may write there: whoever votes by this store must stop. */
  readonly lost: Promise<CaucusError>
  /** As it was found when the store was opened; `undefined`: an empty directory. */
  readonly found: ElectionRecord | undefined
  /** Resolves once durable. Calls are carried out in order. */
  save(record: ElectionRecord): Promise<void>
  /** What was to be saved is saved first. */
  close(): Promise<void>
}
