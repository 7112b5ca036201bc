import type { Foundation } from '../../core/group/foundation.ts'
import type { Generation } from '../../core/lease.ts'
import { CaucusError } from '../../errors.ts'
import type { FoundationStore } from '../../ports/store.ts'
import { isFoundation } from '../../stores/record.ts'
import { parseJson } from '../../wire/validate.ts'
import type { Entry, LeaseId, Operation } from './engine.ts'
import type { GuardedWriter } from './guarded-writer.ts'
import type { Keys } from './keys.ts'
import type { CoordinatorRecord } from './records.ts'

export interface EtcdStoreOptions {
  readonly keys: Keys
  readonly writer: Pick<GuardedWriter, 'save'>
  /** What was found at `foundation`. */
  readonly found: Foundation | undefined
  readonly instanceId: string
  /** Nobody has named this cluster before. */
  readonly isNew: boolean
  readonly process: string
  readonly lease: LeaseId
}

/** Where a coordinator keeps what the next one must find again. A generation is told to all in the transaction that makes it durable. */
export class EtcdStore implements FoundationStore {
  readonly durable = true
  readonly instanceId: string
  readonly #options: EtcdStoreOptions
  #foundation: Foundation | undefined
  #published: Generation | undefined

  constructor(options: EtcdStoreOptions) {
    this.#options = options
    this.instanceId = options.instanceId
    this.#foundation = options.found
  }

  async load(): Promise<Foundation | undefined> {
    return this.#foundation
  }

  async save(foundation: Foundation): Promise<void> {
    const { keys, writer, process, lease, isNew } = this.#options
    const { generation } = foundation
    const operations: Operation[] = [{ type: 'put', key: keys.foundation, value: JSON.stringify(foundation) }]
    if (generation !== this.#published) {
      const record: CoordinatorRecord = { process, generation }
      operations.push({ type: 'put', key: keys.coordinator, value: JSON.stringify(record), lease })
      if (isNew) operations.push({ type: 'put', key: keys.instance, value: this.instanceId })
    }
    await writer.save(operations)
    this.#published = generation
    this.#foundation = foundation
  }

  /** The writer is the reign's. */
  async close(): Promise<void> {}
}

/** What an earlier coordinator left. Throws when it cannot be read: to begin anew over it could repeat fencing tokens. */
export const foundationIn = (entry: Entry | undefined): Foundation | undefined => {
  if (entry === undefined) return undefined
  const json = parseJson(entry.value)
  if (typeof json !== 'string' && isFoundation(json.value)) return json.value
  throw new CaucusError(
    'CAUCUS_BACKEND',
    `what lies in etcd at ${entry.key} is no foundation of ours: nobody coordinates there. Put it back from a copy. Without one, stop all members, wait until their leases have run out, and then delete it`,
    { details: { key: entry.key } },
  )
}
