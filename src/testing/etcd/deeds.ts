import { type Later, MEMBER_DEEDS } from '../cluster/member-deeds.ts'
import type { CallFaults } from './engine.ts'
import { type AnyFault, COORDINATING, type EtcdFault, isOfEtcd, type OfEtcd } from './fault.ts'
import type { Machine } from './host.ts'
import type { Way } from './path.ts'
import type { EtcdWorld } from './world.ts'

type Deed = (world: EtcdWorld, fault: EtcdFault, later: Later) => void

const nameOf = (world: EtcdWorld, { on }: EtcdFault): string | undefined =>
  on === COORDINATING ? world.coordinating?.id : on

/** While nobody coordinates there is nobody to do it to. */
const onCoordinator =
  (deed: (machine: Machine, fault: EtcdFault, later: Later) => void): Deed =>
  (world, fault, later) => {
    const machine = world.coordinating
    if (machine !== undefined) deed(machine, fault, later)
  }

/** For a while calls of one machine go wrong with a chance. */
const calls =
  (chanceOf: 'late' | 'answerLost' | 'requestLost'): Deed =>
  (world, fault, later) => {
    const name = nameOf(world, fault)
    if (name === undefined) return
    const faults: CallFaults = world.network.path(name).faults
    const { chance = 1, byMs = 0, forMs = 0 } = fault
    faults[chanceOf] = chance
    if (chanceOf === 'late') faults.lateMs = byMs
    later(forMs, () => {
      faults[chanceOf] = 0
    })
  }

/** For a while each packet of one machine takes longer, one way. */
const slow =
  (way: Way): Deed =>
  (world, fault, later) => {
    const name = nameOf(world, fault)
    if (name === undefined) return
    const { slowMs } = world.network.path(name)
    slowMs[way] = fault.byMs ?? 0
    later(fault.forMs ?? 0, () => {
      slowMs[way] = 0
    })
  }

const DEEDS: Readonly<Record<OfEtcd, Deed>> = {
  etcdDown: ({ etcd, bench }, { forMs = 0 }, later) => {
    const random = bench.random.fork(`down at ${etcd.now()}`)
    etcd.keepsWhileDown = 0.5 * random.next()
    etcd.refusesWhileDown = 0.5 * random.next()
    etcd.stop({ breaksWatches: random.next() < 0.5 })
    later(forMs, () => etcd.start())
  },
  compaction: ({ etcd }) => etcd.compact(),
  watchesLag: (world, fault) => {
    const name = nameOf(world, fault)
    if (name !== undefined || fault.on === undefined) world.etcd.lagWatches(fault.forMs ?? 0, name)
  },
  watchesBreak: (world, fault) => {
    const name = nameOf(world, fault)
    if (name !== undefined || fault.on === undefined) world.etcd.breakWatches(name)
  },
  keepAlivesInVain: ({ etcd }, { forMs = 0 }) => etcd.keepAliveInVain(forMs),
  leaseExpires: (world, fault) => {
    const name = nameOf(world, fault)
    const { etcd } = world
    for (const lease of etcd.store.leases) if (etcd.nameOf(lease) === name) etcd.expire(lease)
  },
  seatExpires: (world) => {
    const lease = world.etcd.store.leaseOf(world.keys.coordinator)
    if (lease !== undefined) world.etcd.expire(lease)
  },
  callsLate: calls('late'),
  answersLost: calls('answerLost'),
  requestsLost: calls('requestLost'),
  requestsSlow: slow('requests'),
  answersSlow: slow('answers'),
  coordinatorCrash: (world, { forMs = 0, silent = false }, later) => {
    const machine = world.coordinating
    // Whoever has a share as well takes that with it.
    if (machine === undefined || (world.conditions.profile === 'failover' && !machine.isHost)) return
    machine.crash({ silent })
    later(forMs, () => void (machine.alive || machine.start()))
  },
  coordinatorStop: onCoordinator((machine, { forMs = 0 }, later) => {
    void machine.leave().then(() => later(forMs, () => void (machine.alive || machine.start())))
  }),
  coordinatorPause: onCoordinator((machine, { forMs }) => machine.pause(forMs)),
  coordinatorSuspend: onCoordinator((machine, { forMs }) => machine.suspend(forMs)),
  coordinatorCut: (world, { forMs = 0 }, later) => {
    const machine = world.coordinating
    if (machine === undefined) return
    const path = world.network.path(machine.id)
    const lifts = [path.block('requests'), path.block('answers')]
    later(forMs, () => {
      for (const lift of lifts) lift()
    })
  },
}

export const doAny = (world: EtcdWorld, fault: AnyFault, later: Later): void => {
  if (isOfEtcd(fault)) DEEDS[fault.fault](world, fault, later)
  else MEMBER_DEEDS[fault.fault](world, fault, later)
}
