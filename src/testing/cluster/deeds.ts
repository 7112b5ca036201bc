import type { MemoryCluster } from './cluster.ts'
import { DeedPlayer } from './deed-player.ts'
import { type Fault, type FaultName, faultText } from './fault.ts'
import { type Later, MEMBER_DEEDS, NEVER } from './member-deeds.ts'
import { askAndReadNothing, sendNonsense } from './stranger.ts'

type Deed = (cluster: MemoryCluster, fault: Fault, later: Later) => void

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

const DEEDS: Readonly<Record<FaultName, Deed>> = {
  ...MEMBER_DEEDS,
  evict: (cluster, { member = 'm1' }) => cluster.coordinator.evict(member),
  malformed: (cluster) => sendNonsense(cluster.bench),
  deaf: (cluster) => askAndReadNothing(cluster.bench),
  failover: crashCoordinator,
  coordinatorCrash: crashCoordinator,
  coordinatorStop: stopCoordinator,
  coordinatorVersion: stopCoordinator,
  coordinatorPause: (cluster, { forMs }) => cluster.coordinator.pause(forMs),
  coordinatorSuspend: (cluster, { forMs }) => cluster.coordinator.suspend(forMs),
  coordinatorWallClock: (cluster, { byMs = 0 }) => cluster.coordinator.stepWallClock(byMs),
  coordinatorPartition: (cluster, { forMs }) => {
    for (const member of cluster.members) member.partition(forMs)
  },
  order: (cluster, { order }) => {
    // Refused is answered well, too; what is in force is judged by what the group does.
    if (order !== undefined) cluster.coordinator.order(order).catch(() => undefined)
  },
  slowDisk: (cluster, { byMs = 0, forMs }) => cluster.coordinator.slowDisk(byMs, forMs),
  failingDisk: (cluster, { forMs }) => cluster.coordinator.failDisk(forMs),
}

/** Does to a cluster what a schedule says, when it says so, and undoes what is still to come when it is healed. */
export class FaultPlayer extends DeedPlayer<FaultName, Fault> {
  readonly #cluster: MemoryCluster

  constructor(cluster: MemoryCluster) {
    super({
      bench: cluster.bench,
      do: (fault, later) => DEEDS[fault.fault](cluster, fault, later),
      textOf: faultText,
    })
    this.#cluster = cluster
  }

  override heal(): void {
    super.heal()
    this.#cluster.heal()
  }
}
