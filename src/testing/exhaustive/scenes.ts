import type { ShareKind } from '../../core/group/messages.ts'
import { SmallWorld } from './small-world.ts'

/** Where an exploration begins. */
export interface Scene {
  readonly name: string
  /** In a sentence: who is there, and what is under way. */
  readonly about: string
  readonly share: ShareKind
  /** Makes the world and brings it to where everything becomes possible. The same each time. */
  open(): SmallWorld
}

/** Everything goes well and at once for a while: messages arrive, timers fire, drains end. What `except` sends and is sent waits. */
const goWell = (world: SmallWorld, forMs: number, except?: number): void => {
  const until = world.now + forMs
  for (;;) {
    while (carryAll(world, except)) world.wakeAll()
    const next = world.nextInstant() ?? Number.POSITIVE_INFINITY
    if (next > until) break
    world.pass()
  }
  world.passUntil(until)
}

const carryAll = (world: SmallWorld, except: number | undefined): boolean => {
  let any = false
  for (const [at, seat] of world.seats.entries()) {
    if (at === except || !seat.alive) continue
    any ||= seat.up.length + seat.down.length + seat.drains.length > 0
    for (const items of seat.drains.splice(0)) seat.step({ type: 'drained', items }, world.now)
    while (seat.up.length > 0) world.carryUp(seat, 0, false)
    while (seat.down.length > 0) world.carryDown(seat, 0, false)
  }
  return any
}

const settled = (share: ShareKind, processes: readonly string[], statics: readonly string[] = []): SmallWorld => {
  const world = new SmallWorld({ share, processes, fresh: true, statics })
  world.begin()
  world.begin()
  goWell(world, 150)
  world.check()
  return world
}

const freezeFirst = ({ seats: [first] }: SmallWorld): void => {
  if (first !== undefined) first.frozen = true
}

const scenesOf = (kind: string, share: ShareKind): Scene[] => {
  const scene = (name: string, about: string, open: () => SmallWorld): Scene => ({
    name: `${kind}-${name}`,
    about,
    share,
    open,
  })
  const pair = () => settled(share, ['a', 'b'])
  const newcomer = (processes: readonly string[], statics: readonly string[] = []) => {
    const world = settled(share, processes, statics)
    // One whose place is to be kept has died of it.
    for (const seat of world.seats) if (statics.includes(seat.id)) world.kill(seat)
    world.begin()
    const seat = world.seats[2]
    if (seat !== undefined) world.carryDown(seat, 0, false)
    return world
  }
  return [
    scene('empty', 'Nobody is there yet; two processes may start.', () => {
      return new SmallWorld({ share, processes: ['a', 'b'], fresh: true })
    }),
    scene('pair', 'Two members hold everything.', pair),
    scene('newcomer', 'Two members hold everything, and a third one has just asked to join.', () =>
      newcomer(['a', 'b', 'c']),
    ),
    scene(
      'namesake',
      'Two members hold everything, and another process has just asked to join under the id of the first.',
      () => newcomer(['a', 'b', 'a']),
    ),
    scene(
      'static-restart',
      'Two members hold everything; the first, a static one, was killed, and its next process has just asked to join.',
      () => newcomer(['a', 'b', 'a'], ['a']),
    ),
    scene('static-return', 'One of two has left, and its place is kept; its next process may start.', () => {
      const world = settled(share, ['a', 'b', 'a'], ['a'])
      const [seat] = world.seats
      if (seat === undefined) return world
      seat.leaving = true
      seat.step({ type: 'leave' }, world.now)
      goWell(world, 150)
      return world
    }),
    scene('takeover', 'One of two stood still for so long that the other has everything.', () => {
      const world = pair()
      freezeFirst(world)
      goWell(world, 1_300, 0)
      return world
    }),
    scene('failover', 'Two members hold everything, and the coordinator has just come back.', () => {
      const world = pair()
      world.restart('same')
      return world
    }),
    scene(
      'lonely-failover',
      'One of two stands still for more than half a lease, and the coordinator has just come back.',
      () => {
        const world = pair()
        freezeFirst(world)
        goWell(world, 600, 0)
        world.restart('same')
        return world
      },
    ),
    scene(
      'blank',
      'Two members hold everything; the coordinator came back with a blank store, and a third one joined it.',
      () => {
        const world = newcomer(['a', 'b', 'c'])
        world.restart('blank')
        const [, , seat] = world.seats
        if (seat === undefined) return world
        world.relink(seat)
        world.carryDown(seat, 0, false)
        world.carryUp(seat, 0, false)
        return world
      },
    ),
    scene(
      'shorter',
      'One of two stands still since before the coordinator came back with a lease half as long.',
      () => {
        const world = pair()
        freezeFirst(world)
        world.restart('shorter')
        goWell(world, 480, 0)
        return world
      },
    ),
  ]
}

/** All beginnings, for numbered places, for partitions and for elections, which keep no places for whoever is static. */
export const SCENES: readonly Scene[] = [
  ...scenesOf('index', 'index'),
  ...scenesOf('partitions', { partitions: 3 }),
  ...scenesOf('tenure', 'tenure').filter(({ name }) => !name.includes('static')),
]
