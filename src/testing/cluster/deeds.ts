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
    const member = cluster.members.find(({ id }) => id === fault.member)
    if (member !== undefined) deed(member, fault, later)
  }

/** Not by itself, that is: only when everything is healed. */
const NEVER = Number.POSITIVE_INFINITY

const restart: Deed = (cluster, { forMs = NEVER, loseStore = false, leaseMs, partitions, protocol }, later) =>
  later(forMs, () =>
    cluster.coordinator.start({
      loseStore,
      ...(leaseMs !== undefined && { timing: { leaseMs } }),
      ...(partitions !== undefined && { share: { partitions } }),
      ...(protocol !== undefined && { protocol }),
    }),
  )

const crashCoordinator: Deed = (cluster, fault, later) => {
  cluster.coordinator.crash({ silent: fault.silent ?? false })
  restart(cluster, fault, later)
}

const stopCoordinator: Deed = (cluster, fault, later) => {
  void cluster.coordinator.stop().then(() => restart(cluster, fault, later))
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
  pause: onMember((member, { forMs }) => member.pause(forMs)),
  suspend: onMember((member, { forMs }) => member.suspend(forMs)),
  wallClock: onMember((member, { byMs = 0 }) => member.stepWallClock(byMs)),
  partition: onMember((member, { forMs }) => member.partition(forMs)),
  dropUp: onMember((member, { forMs }) => member.drop('up', forMs)),
  dropDown: onMember((member, { forMs }) => member.drop('down', forMs)),
  slow: onMember((member, { byMs = 0, forMs }) => member.slow(byMs, forMs)),
  disconnect: onMember((member, { told = 'both' }) => member.disconnect({ told })),
  evict: (cluster, { member = 'm1' }) => cluster.coordinator.evict(member),
  malformed: (cluster) => sendNonsense(cluster.bench),
  deaf: (cluster) => askAndReadNothing(cluster.bench),
  failover: crashCoordinator,
  coordinatorCrash: crashCoordinator,
  coordinatorStop: stopCoordinator,
  coordinatorVersion: stopCoordinator,
  version: onMember((member, { forMs = NEVER, protocol }, later) => {
    const come = () => void (member.alive || member.start({ ...(protocol !== undefined && { protocol }) }))
    void member.leave().then(() => later(forMs, come))
  }),
  coordinatorPause: (cluster, { forMs }) => cluster.coordinator.pause(forMs),
  coordinatorSuspend: (cluster, { forMs }) => cluster.coordinator.suspend(forMs),
  coordinatorWallClock: (cluster, { byMs = 0 }) => cluster.coordinator.stepWallClock(byMs),
  coordinatorPartition: (cluster, { forMs }) => {
    for (const member of cluster.members) member.partition(forMs)
  },
  weight: onMember((member, { weight = 1 }) => member.setWeight(weight)),
  order: (cluster, { order }) => {
    // Refused is answered well, too; what is in force is judged by what the group does.
    if (order !== undefined) cluster.coordinator.order(order).catch(() => undefined)
  },
  slowDisk: (cluster, { byMs = 0, forMs }) => cluster.coordinator.slowDisk(byMs, forMs),
  failingDisk: (cluster, { forMs }) => cluster.coordinator.failDisk(forMs),
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
