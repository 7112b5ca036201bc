import { votersOf } from '../../../src/core/election/voters.ts'
import { seededRandom } from '../../../src/core/random.ts'
import type { ReplicaMessage, ReplicaRecord } from '../../../src/core/replication/messages.ts'
import type { ReplicaStore } from '../../../src/ports/replica-store.ts'
import { ReplicaDriver } from '../../../src/runtime/replica-driver.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'
import { charterFault } from '../../../src/wire/peers/frames.ts'

const IDS = ['a', 'b', 'c']

/** A disk that is as quick as its test says. */
export class Disk implements ReplicaStore {
  found: ReplicaRecord | undefined
  mood: 'quick' | 'stuck' | 'full' = 'quick'

  save(record: ReplicaRecord): Promise<void> {
    if (this.mood === 'stuck') return new Promise(() => undefined)
    if (this.mood === 'full') return Promise.reject(new Error('the disk is full'))
    this.found = record
    return Promise.resolve()
  }
}

export interface Node {
  readonly id: string
  readonly disk: Disk
  readonly driver: ReplicaDriver
  readonly said: ReplicaMessage[]
  superseded: number
  faults: unknown[]
}

/** Three voters' copies of the charter on one clock, and a network that takes no time. */
export class ReplicaWorld {
  readonly clock = new SimulatedClock(1_000)
  readonly nodes = new Map<string, Node>()
  /** Nothing goes to these, or comes from them. */
  readonly cutOff = new Set<string>()
  /** Called when that voter hears of a later leader. */
  superseded: (id: string) => void = () => undefined

  constructor({ durable = true }: { readonly durable?: boolean } = {}) {
    for (const id of IDS) this.nodes.set(id, this.#node(id, durable))
  }

  get a(): Node {
    return this.#of('a')
  }
  get b(): Node {
    return this.#of('b')
  }
  get c(): Node {
    return this.#of('c')
  }

  #of(id: string): Node {
    const node = this.nodes.get(id)
    if (node === undefined) throw new Error(`no voter ${id}`)
    return node
  }

  #node(id: string, durable: boolean): Node {
    const disk = new Disk()
    const said: ReplicaMessage[] = []
    const driver: ReplicaDriver = new ReplicaDriver({
      clock: this.clock,
      replica: {
        id,
        bootId: `${id}-boot`,
        voters: IDS,
        retryMs: 50,
        random: seededRandom(id.charCodeAt(0)),
      },
      self: {
        id,
        bootId: `${id}-boot`,
        cluster: 'c',
        voters: votersOf(IDS).identity,
        storeId: durable ? `${id}-store` : '',
      },
      store: durable ? disk : undefined,
      send: (to, message) => {
        said.push(message)
        this.clock.deliver(() => {
          if (!this.cutOff.has(id) && !this.cutOff.has(to)) this.nodes.get(to)?.driver.receive(id, message)
        })
      },
      faultOf: charterFault,
      superseded: () => {
        this.#of(id).superseded++
        this.superseded(id)
      },
      onFault: (error) => void this.#of(id).faults.push(error),
    })
    return { id, disk, driver, said, superseded: 0, faults: [] }
  }
}
