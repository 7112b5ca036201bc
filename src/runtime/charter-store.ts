import type { Foundation } from '../core/group/foundation.ts'
import type { Entry } from '../core/replication/messages.ts'
import { CaucusError } from '../errors.ts'
import type { FoundationStore } from '../ports/store.ts'
import type { ReplicaDriver } from './replica-driver.ts'

export interface CharterStoreOptions {
  readonly replica: ReplicaDriver
  /** What the replica was led with. */
  readonly found: Entry | undefined
  /** Names the cluster where nobody has before. */
  newInstanceId(): string
  /** Whether the reign is over. */
  isOver(): boolean
}

/** Where the coordinator of one reign keeps what the next leader must find again: on a majority of the voters. */
export class CharterStore implements FoundationStore {
  readonly instanceId: string
  readonly #replica: ReplicaDriver
  readonly #isOver: () => boolean
  #foundation: Foundation | undefined

  constructor({ replica, found, newInstanceId, isOver }: CharterStoreOptions) {
    this.#replica = replica
    this.#isOver = isOver
    this.#foundation = found?.charter.foundation
    this.instanceId = found?.charter.instanceId ?? newInstanceId()
  }

  get durable(): boolean {
    return this.#replica.durable
  }

  async load(): Promise<Foundation | undefined> {
    return this.#foundation
  }

  async save(foundation: Foundation): Promise<void> {
    // The replica would take it for a word of the reign that goes on there now.
    if (this.#isOver()) throw new CaucusError('CAUCUS_NOT_LEADER', 'this peer does not lead any more; ask whoever does')
    await this.#replica.save({ instanceId: this.instanceId, foundation })
    this.#foundation = foundation
  }

  /** The replica is the peer's, and outlives every reign. */
  async close(): Promise<void> {}
}
