import type { Holding } from '../../core/group/messages.ts'
import type { GroupEvent } from '../../core/group/reasons.ts'
import type { GroupView } from '../../core/group/view.ts'
import type { Bench } from './bench.ts'
import type { Fault, FaultName } from './fault.ts'
import { holdingsText } from './frame-text.ts'
import { COORDINATOR } from './network.ts'
import type { WatchedMembership } from './watched-backend.ts'

/** What is no fault of any member. */
const PATIENT: ReadonlySet<FaultName> = new Set(['coordinatorPause', 'weight', 'order'])

/** What is not supposed to happen in a run. */
export interface Expected {
  /** Nothing went wrong, or the coordinator stood still. */
  readonly patient: boolean
  /** The coordinator alone went away and came back in time. */
  readonly failovers: boolean
  /** Nobody may have to stop using anything, not even for a moment. */
  readonly keeps: boolean
}

export const expectedOf = (schedule: readonly Fault[]): Expected => ({
  patient: schedule.every(({ fault }) => PATIENT.has(fault)),
  failovers: schedule.length > 0 && schedule.every(({ fault }) => fault === 'failover'),
  keeps: schedule.every(({ fault }) => fault === 'failover'),
})

/** A cluster, as far as it is judged as a whole. */
export interface Judged {
  readonly bench: Pick<Bench, 'findings' | 'onLost'>
  /** The groups, as whoever coordinates sees them. */
  views(): readonly GroupView[]
  onEvent(listener: (event: GroupEvent) => void): () => void
}

/** What must hold of a run as a whole, because of what did not happen in it. */
export class Judge {
  readonly #cluster: Judged
  /** Nobody may be expired (G5). */
  readonly #patient: boolean
  /** Nothing may move (G7). */
  readonly #failovers: boolean
  readonly #keeps: boolean
  #before = ''
  #stop = () => {}

  constructor(cluster: Judged, { patient, failovers, keeps }: Expected) {
    this.#cluster = cluster
    this.#patient = patient
    this.#failovers = failovers
    this.#keeps = keeps
  }

  /** The cluster is whole, and the faults begin. */
  begin(): void {
    this.#before = this.#owners()
    this.#stop = this.#cluster.onEvent((event) => this.#happened(event))
    const { bench } = this.#cluster
    if (this.#keeps) bench.onLost = (who, watched, items, because) => this.#lost(who, watched, items, because)
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

  /** A member had to stop using something that nobody had asked it to let go. */
  #lost(who: string, { request }: WatchedMembership, items: readonly Holding[], because: string): void {
    const what = `${who} lost ${holdingsText(items)} of "${request.group}" (${because})`
    if (this.#failovers) this.#cluster.bench.findings.add('G7', who, `${what} in a failover`)
    else this.#cluster.bench.findings.add('G5', who, `${what} although nothing went wrong with it`)
  }

  /** The cluster is whole again. */
  end(): void {
    this.#stop()
    this.#cluster.bench.onLost = () => undefined
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
    const members = this.#cluster.views().flatMap((view) => view.members)
    return members.map(({ id, index, partitions }) => `${id}: ${index ?? partitions}`).join('; ')
  }
}
