import type { ReplicaRecord } from '../../core/replication/messages.ts'
import { Disk } from '../election/disk.ts'
import type { Agenda } from '../simulation/agenda.ts'

/** The data directory of one voter: the store that its election knows, and the file of the register. */
export class Platter {
  readonly disk: Disk<ReplicaRecord>
  readonly #id: string
  readonly #changed: () => void
  #lost = 0

  constructor(id: string, agenda: Agenda, changed: () => void) {
    this.#id = id
    this.#changed = changed
    this.disk = new Disk(agenda, changed)
  }

  get storeId(): string {
    return `store ${this.#lost} of ${this.#id}`
  }

  /** What is in it; `undefined`: it is blank, whatever file of another store lies there. */
  get record(): ReplicaRecord | undefined {
    const { durable } = this.disk
    return durable?.storeId === this.storeId ? durable : undefined
  }

  /** With `leftBehind`, the file of the register stays, and belongs to another store from now on. */
  lose(leftBehind: boolean): void {
    const { durable } = this.disk
    this.disk.lose()
    if (leftBehind) this.disk.durable = durable
    this.#lost++
    this.#changed()
  }
}
