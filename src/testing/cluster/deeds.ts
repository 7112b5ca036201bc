import type { MemoryCluster } from './cluster.ts'
import { type Fault, type FaultName, faultText } from './fault.ts'
import type { SimulatedMember } from './member.ts'
import { askAndReadNothing, sendNonsense } from './stranger.ts'

/** What has to be undone when the cluster is healed, before its time. */
export type Undo = () => void

type Deed = (cluster: MemoryCluster, fault: Fault, later: (ms: number, undo: Undo) => void) => void

const onMember =
  (deed: (member: SimulatedMember, fault: Fault, later: (ms: number, undo: Undo) => void) => void): Deed =>
  (cluster, fault, later) => {
    const member = cluster.members.find(({ id }) => id === (fault.member ?? 'm1'))
    if (member !== undefined) deed(member, fault, later)
  }

const restart: Deed = (cluster, { forMs = 0, loseStore = false, leaseMs, partitions }, later) =>
  later(forMs, () =>
    cluster.coordinator.start({
      loseStore,
      ...(leaseMs !== undefined && { timing: { leaseMs } }),
      ...(partitions !== undefined && { share: { partitions } }),
    }),
  )

const crashCoordinator: Deed = (cluster, fault, later) => {
  cluster.coordinator.crash({ silent: fault.silent ?? false })
  restart(cluster, fault, later)
}

const comeBack = (member: SimulatedMember, { forMs }: Fault, later: (ms: number, undo: Undo) => void): void => {
  if (forMs !== undefined) later(forMs, () => void (member.alive || member.start()))
}

const DEEDS: Readonly<Record<FaultName, Deed>> = {
  crash: onMember((member, fault, later) => {
    member.crash({ silent: fault.silent ?? false })
    comeBack(member, fault, later)
  }),
  leave: onMember((member, fault, later) => {
    void member.leave()
    comeBack(member, fault, later)
  }),
  join: (cluster, { member }) => {
    const known = cluster.members.find(({ id }) => id === member)
    if (known === undefined) cluster.join(member)
    else if (!known.alive) known.start()
  },
  twin: onMember((member) => member.start()),
  pause: onMember((member, { forMs = 0 }) => member.pause(forMs)),
  suspend: onMember((member, { forMs = 0 }) => member.suspend(forMs)),
  wallClock: onMember((member, { byMs = 0 }) => member.stepWallClock(byMs)),
  partition: onMember((member, { forMs = 0 }) => member.partition(forMs)),
  dropUp: onMember((member, { forMs = 0 }) => member.drop('up', forMs)),
  dropDown: onMember((member, { forMs = 0 }) => member.drop('down', forMs)),
  slow: onMember((member, { byMs = 0, forMs = 0 }) => member.slow(byMs, forMs)),
  disconnect: onMember((member, { told = 'both' }) => member.disconnect({ told })),
  evict: (cluster, { member = 'm1' }) => cluster.coordinator.evict(member),
  malformed: (cluster) => sendNonsense(cluster.bench),
  deaf: (cluster) => askAndReadNothing(cluster.bench),
  failover: crashCoordinator,
  coordinatorCrash: crashCoordinator,
  coordinatorStop: (cluster, fault, later) => {
    void cluster.coordinator.stop().then(() => restart(cluster, fault, later))
  },
  coordinatorPause: (cluster, { forMs = 0 }) => cluster.coordinator.pause(forMs),
  coordinatorSuspend: (cluster, { forMs = 0 }) => cluster.coordinator.suspend(forMs),
  coordinatorWallClock: (cluster, { byMs = 0 }) => cluster.coordinator.stepWallClock(byMs),
  coordinatorPartition: (cluster, { forMs = 0 }) => {
    for (const member of cluster.members) member.partition(forMs)
  },
  slowDisk: (cluster, { byMs = 0, forMs = 0 }) => cluster.coordinator.slowDisk(byMs, forMs),
  failingDisk: (cluster, { forMs = 0 }) => cluster.coordinator.failDisk(forMs),
}

/** Does to a cluster what a schedule says, when it says so, and undoes what is still to come when it is healed. */
export class FaultPlayer {
  readonly #cluster: MemoryCluster
  readonly #undo = new Set<Undo>()
  readonly counts = new Map<FaultName, number>()
  #over = false

  constructor(cluster: MemoryCluster) {
    this.#cluster = cluster
  }

  arrange(schedule: readonly Fault[]): void {
    const { timeline } = this.#cluster.bench
    for (const fault of schedule) timeline.after(fault.atMs, () => this.#do(fault))
  }

  #do(fault: Fault): void {
    if (this.#over) return
    const { timeline, chronicle } = this.#cluster.bench
    timeline.stir()
    this.counts.set(fault.fault, (this.counts.get(fault.fault) ?? 0) + 1)
    chronicle.note({ at: timeline.nowMs, who: 'world', what: faultText(fault), kind: 'fault' })
    DEEDS[fault.fault](this.#cluster, fault, (ms, undo) => this.#later(ms, undo))
  }

  #later(ms: number, undo: Undo): void {
    const { timeline } = this.#cluster.bench
    const once = () => {
      if (!this.#undo.delete(once)) return
      timeline.stir()
      undo()
    }
    this.#undo.add(once)
    if (this.#over) once()
    else timeline.after(ms, once)
  }

  /** Nothing goes wrong any more, and whoever was to come back comes back now. */
  heal(): void {
    this.#over = true
    for (const undo of [...this.#undo]) undo()
    this.#cluster.heal()
  }
}
