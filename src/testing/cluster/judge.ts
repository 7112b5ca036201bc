import type { GroupEvent } from '../../core/group/reasons.ts'
import type { MemoryCluster } from './cluster.ts'
import type { Fault, FaultName } from './fault.ts'
import { COORDINATOR } from './network.ts'

/** What is no fault of any member. */
const PATIENT: ReadonlySet<FaultName> = new Set(['coordinatorPause', 'weight', 'order'])

/** What must hold of a run as a whole, because of what did not happen in it. */
export class Judge {
  readonly #cluster: MemoryCluster
  /** Nothing went wrong, or the coordinator stood still: nobody may be expired (G5). */
  readonly #patient: boolean
  /** The coordinator alone went away and came back in time: nothing may move (G7). */
  readonly #failovers: boolean
  #before = ''
  #stop = () => {}

  constructor(cluster: MemoryCluster, schedule: readonly Fault[]) {
    this.#cluster = cluster
    this.#patient = schedule.every(({ fault }) => PATIENT.has(fault))
    this.#failovers = schedule.length > 0 && schedule.every(({ fault }) => fault === 'failover')
  }

  /** The cluster is whole, and the faults begin. */
  begin(): void {
    this.#before = this.#owners()
    this.#stop = this.#cluster.onEvent((event) => this.#happened(event))
  }

  #happened(event: GroupEvent): void {
    const { findings } = this.#cluster.bench
    if (event.type === 'member.expired') {
      if (this.#patient)
        findings.add('G5', event.member, `${event.member} was expired although nothing went wrong with it`)
      if (this.#failovers) findings.add('G7', event.member, `${event.member} was expired in a failover`)
    }
    if (event.type === 'partition.revoked' || event.type === 'slot.revoked') {
      if (this.#failovers && event.because !== 'left')
        findings.add('G7', event.member, `${event.member} was asked to let go in a failover`)
    }
  }

  /** The cluster is whole again. */
  end(): void {
    this.#stop()
    const after = this.#owners()
    if (this.#failovers && after !== this.#before) {
      this.#cluster.bench.findings.add(
        'G7',
        COORDINATOR,
        `a failover moved something: ${this.#before} before, ${after} after`,
      )
    }
  }

  #owners(): string {
    const view = this.#cluster.coordinator.view()
    return (view?.members ?? []).map(({ id, index, partitions }) => `${id}: ${index ?? partitions}`).join('; ')
  }
}
