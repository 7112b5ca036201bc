import type { Renew } from '../../core/group/messages.ts'
import type { Random } from '../../core/random.ts'
import { type FaultName, pick, type SimulatedGroup } from './conditions.ts'
import { STRANGER } from './ledger.ts'
import { lucky } from './lot.ts'
import type { MemberProcess } from './member-process.ts'
import type { Direction } from './network.ts'
import { groupOfRun } from './onces.ts'
import { POLL_GROUP } from './server-room.ts'
import type { World } from './world.ts'

const MOST_MEMBERS = 10

/** True when there was somebody to do it to. */
export type Deed = (world: World, random: Random) => boolean

export const anyMember = (
  world: World,
  random: Random,
  which: (member: MemberProcess) => boolean = () => true,
): MemberProcess | undefined => {
  const alive = world.members.filter(
    (member) => member.alive && !member.final && !world.isResident(member) && which(member),
  )
  return lucky(alive, ({ bootId }) => bootId, random)
}

export const groupOf = (world: World, name: string): SimulatedGroup =>
  world.bench.conditions.groups.find((group) => group.name === name) ?? groupOfRun(name)

export const anyGroup = (world: World, random: Random): SimulatedGroup =>
  lucky(world.bench.conditions.groups, ({ name }) => name, random) as SimulatedGroup

/** Ids come back: a member that joins may be one that was here before. */
const anyId = (world: World, group: SimulatedGroup, random: Random): string | undefined => {
  const taken = new Set(world.members.filter((member) => member.group === group.name).map(({ id }) => id))
  if (taken.size >= MOST_MEMBERS) return undefined
  const free = Array.from({ length: MOST_MEMBERS }, (_, n) => `${group.name}-m${n}`).filter((id) => !taken.has(id))
  return lucky(free, (id) => id, random)
}

const join: Deed = (world, random) => {
  const group = anyGroup(world, random)
  const id = anyId(world, group, random)
  if (id === undefined) return false
  world.join(id, group)
  return true
}

/** Comes back with the same id after a while, or at once, or never. */
const crash: Deed = (world, random) => {
  const member = anyMember(world, random)
  if (member === undefined) return false
  world.crash(member)
  const { agenda, conditions } = world.bench
  if (random.next() < 0.3) return true
  agenda.after(pick(random, [0, 0.1, 1, 3]) * conditions.timing.leaseMs * random.next(), () => {
    if (world.members.every(({ id }) => id !== member.id)) world.join(member.id, groupOf(world, member.group))
  })
  return true
}

const leave: Deed = (world, random) => {
  const member = anyMember(world, random)
  member?.post({ type: 'leave' })
  return member !== undefined
}

const standStill =
  (asleep: boolean): Deed =>
  (world, random) => {
    const member = anyMember(world, random)
    member?.standStill(random.next() * 3 * world.bench.conditions.timing.leaseMs, asleep)
    return member !== undefined
  }

/** An id that is free again: a process that the coordinator knows to be gone may still believe, and be followed by one of its name. */
const comesBack = (world: World, random: Random): string | undefined => {
  const view = world.room.current?.machine.viewOf(POLL_GROUP)
  if (view === undefined || random.next() < 0.5) return undefined
  const taken = new Set([
    ...view.members.map(({ id }) => id),
    ...world.pollers.filter(({ polling }) => polling).map(({ id }) => id),
  ])
  return lucky(
    [...new Set(world.pollers.map(({ id }) => id))].filter((id) => !taken.has(id)),
    (id) => id,
    random,
  )
}

const cut =
  (directions: readonly ('up' | 'down')[][]): Deed =>
  (world, random) => {
    const member = anyMember(world, random)
    if (member === undefined) return false
    const forMs = random.next() * 3 * world.bench.conditions.timing.leaseMs
    world.wires.network.cut(member.id, pick(random, directions), forMs)
    return true
  }

/** A step of the wall clock is noticed at the next reading, so what is believed changes at once. */
const wallStep: Deed = (world, random) => {
  const member = anyMember(world, random)
  if (member === undefined) return false
  member.clock.stepWall((random.next() * 2 - 1) * pick(random, [10, 1000, 3.6e6]), world.bench.now)
  member.read()
  world.believes(member)
  return true
}

/** Values that a schema lets through and no member would send. */
const malformed: Deed = (world, random) => {
  const coordinator = world.room.current
  if (coordinator === undefined) return false
  const { generation } = coordinator.machine
  const number = () => pick(random, [0, 1, 2 ** 31, 2 ** 53 - 1, 1e308, generation * 2 ** 21 + 5])
  const group = anyGroup(world, random).name
  const holdings = () =>
    random.next() < 0.5 ? [] : [{ item: 2 ** 40 + random.below(9), epoch: number(), of: number() }]
  const message: Renew = {
    type: 'renew',
    group,
    member: `${STRANGER}-${random.below(2)}`,
    bootId: `${STRANGER}#${random.below(1000)}`,
    sequence: number(),
    order: number(),
    ...(random.next() < 0.5 && { incarnation: number() }),
    ...(random.next() < 0.7 && { generation: pick(random, [generation, generation, generation + 1, 1e308]) }),
    holding: holdings(),
    draining: holdings(),
    acknowledged: holdings(),
  }
  coordinator.post({ type: 'received', from: -1, message })
  return true
}

export const restart: Deed = (world, random) => {
  const { bench, room } = world
  endCoordinator(world, random)
  if (bench.has('lostStore') && random.next() < 0.3) {
    bench.count('lostStore')
    room.loseStore()
  }
  if (bench.has('otherLease') && random.next() < 0.5) {
    bench.count('otherLease')
    room.settings = { ...room.settings, leaseMs: bench.conditions.timing.leaseMs * pick(random, [0.4, 1, 2, 4]) }
  }
  if (bench.has('otherSettle') && random.next() < 0.5) {
    bench.count('otherSettle')
    room.settings = { ...room.settings, settleMs: bench.conditions.timing.settleMs * pick(random, [0.3, 1, 4]) }
  }
  room.foreign = bench.has('otherVersion') && random.next() < 0.2
  if (room.foreign) bench.count('otherVersion')
  if (bench.has('otherShare') && random.next() < 0.3) {
    bench.count('otherShare')
    room.shares.set(anyGroup(world, random).name, pick(random, ['index', { partitions: 8 }, { partitions: 16 }]))
  }
  const downMs = pick(random, [0, 0.2, 1, 3]) * bench.conditions.timing.leaseMs * random.next()
  bench.agenda.after(downMs, () => {
    room.start()
    troubleTheNew(world, random)
  })
  // Misfortunes come together: what one start has written down, the next one finds.
  if (random.next() < 0.3) {
    bench.agenda.after(
      downMs + bench.conditions.timing.leaseMs * random.next(),
      () => bench.faulty && restart(world, random),
    )
  }
  return true
}

/** By a crash, or in good order: then it leaves behind who may hold something. */
export const endCoordinator = (world: World, random: Random): void => {
  const { bench } = world
  if (bench.has('tidyStops') && random.fork('tidy').next() < 0.6 && world.stopCoordinator()) bench.count('tidyStops')
  else world.crashCoordinator()
}

/** Whoever is removed will not hear of it, and the coordinator that knows of it stops: the next one has it from the roll alone. */
const endUntold = (world: World, member: MemberProcess, random: Random): void => {
  const { bench, wires } = world
  if (random.next() < 0.5) return
  const { leaseMs } = bench.conditions.timing
  wires.network.cut(member.id, ['up', 'down'], leaseMs * 2)
  bench.agenda.after(leaseMs * 0.2 * random.next(), () => bench.faulty && restart(world, random))
}

/** While claims are under way, what was said before the restart is heard again. */
const troubleTheNew = ({ bench, wires }: World, random: Random): void => {
  if (!bench.has('replay')) return
  for (let n = random.below(20); n > 0; n--) {
    bench.count('replay')
    bench.agenda.after(
      random.next() * bench.conditions.timing.leaseMs * 0.3,
      () => bench.faulty && wires.replay(random),
    )
  }
}

const coordinatorStill =
  (asleep: boolean): Deed =>
  (world, random) => {
    const coordinator = world.room.current
    coordinator?.standStill(random.next() * 2 * world.bench.conditions.timing.leaseMs, asleep)
    return coordinator !== undefined
  }

/** Everything that is done to a world, one function for each fault that is an event of its own. */
export const DEEDS: Partial<Record<FaultName, Deed>> = {
  join,
  crash,
  leave,
  restart,
  wallStep,
  malformed,
  pause: standStill(false),
  suspend: standStill(true),
  partition: cut([['up', 'down']]),
  oneWayPartition: cut([['up'], ['down']]),
  coordinatorPause: coordinatorStill(false),
  coordinatorSuspend: coordinatorStill(true),
  joinStorm: (world, random) => {
    for (let joins = 2 + random.below(5); joins > 0; joins--) join(world, random)
    return true
  },
  duplicateId: (world, random) => {
    const member = anyMember(world, random)
    if (member === undefined || world.members.length > 2 * MOST_MEMBERS) return false
    world.join(member.id, groupOf(world, member.group))
    return true
  },
  evict: (world, random) => {
    const member = anyMember(world, random)
    if (member === undefined) return false
    if (world.bench.has('tidyStops') && world.bench.has('restart')) endUntold(world, member, random.fork('untold'))
    world.room.current?.post({ type: 'evicted', from: 'operator', group: member.group, member: member.id })
    return true
  },
  pollers: (world, random) => {
    const polling = world.pollers.filter((client) => client.polling)
    const client = polling[random.below(polling.length)]
    const { poll } = world.bench.conditions
    if (poll === undefined) return false
    if (client === undefined || random.next() < 0.4) {
      if (polling.length < 6) world.startPoller(comesBack(world, random) ?? `poller-x${world.pollers.length}`)
      return true
    }
    client.stop()
    // Some say so, and go on believing nevertheless; others are killed; others are removed by somebody else.
    const from = 'operator'
    const how = random.next()
    if (how < 0.4) world.room.current?.post({ type: 'pollerLeft', from, member: client.id })
    else if (how < 0.7) world.room.current?.post({ type: 'evicted', from, group: POLL_GROUP, member: client.id })
    return true
  },
  fullQueue: (world, random) => {
    const member = anyMember(world, random)
    const direction = pick<Direction>(random, ['up', 'down'])
    const forMs = random.next() * 2 * world.bench.conditions.timing.leaseMs
    return member !== undefined && world.wires.choke(member, direction, forMs, random)
  },
  slowLink: (world, random) => {
    const member = anyMember(world, random)
    if (member === undefined) return false
    world.wires.network.slowDown(member.id, random.next() * 5 * world.bench.conditions.timing.leaseMs)
    return true
  },
  replay: (world, random) => {
    world.wires.replay(random)
    return true
  },
  coordinatorWallStep: (world, random) => {
    world.room.clock.stepWall((random.next() * 2 - 1) * pick(random, [1000, 3.6e6]), world.bench.now)
    return true
  },
}
