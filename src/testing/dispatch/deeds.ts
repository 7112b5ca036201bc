import type { Target, Until } from '../../core/dispatch/messages.ts'
import type { Random } from '../../core/random.ts'
import { exponential, pick } from '../simulation/conditions.ts'
import { lucky } from '../simulation/lot.ts'
import type { ClientProcess } from './client.ts'
import type { DispatchFault } from './conditions.ts'
import type { DispatchWorld } from './world.ts'

/** True when there was somebody to do it to. */
type Deed = (world: DispatchWorld, random: Random) => boolean

const anyClient = (
  world: DispatchWorld,
  random: Random,
  which: (client: ClientProcess) => boolean = () => true,
): ClientProcess | undefined => lucky(world.clients.filter(which), ({ name }) => name, random)

/** Something that a process does by itself, once it comes to it. */
const does =
  (what: (client: ClientProcess, world: DispatchWorld, random: Random) => void): Deed =>
  (world, random) => {
    const client = anyClient(world, random, ({ isLinked }) => isLinked)
    client?.post({ type: 'does', run: () => what(client, world, random) })
    return client !== undefined
  }

const drawUntil = (random: Random, workMs: number): Until => {
  const draw = random.next()
  if (draw < 0.4) return 'all'
  if (draw < 0.6) return 'first'
  return draw < 0.8 ? 1 + random.below(4) : { quiet: workMs * pick(random, [0.2, 2, 10]) }
}

const drawTarget = (world: DispatchWorld, random: Random): Target | undefined => {
  const draw = random.next()
  if (draw < 0.5) return undefined
  if (draw < 0.65) return { pick: 1 + random.below(3) }
  if (draw < 0.8) return { metadata: { zone: random.below(2), ...(random.next() < 0.3 && { size: 's' }) } }
  const ids = world.clients.flatMap(({ producers }) => producers.map(({ offer }) => offer.id))
  const some = ids.filter(() => random.next() < 0.4)
  return draw < 0.9 ? { id: some[0] ?? 'nobody' } : { id: ['nobody', ...some], ...(random.next() < 0.3 && { pick: 1 }) }
}

export const ask: Deed = does((client, world, random) => {
  const { topics, workMs, withinMs } = world.bench.conditions
  const to = drawTarget(world, random)
  client.ask(pick(random, topics), drawUntil(random, workMs), pick(random, withinMs), to)
})

const still = (world: DispatchWorld, random: Random): number =>
  exponential(random, 10 * (world.bench.conditions.delayMs + world.bench.conditions.workMs))

/** Somebody answers who was not asked, from a seat that is not its own, or to what nobody has asked. */
const foreign: Deed = does((client, world, random) => {
  const { server } = world
  const asks = server?.book.someOpen() ?? []
  const known = asks[random.below(asks.length)]
  const seat = random.below((known?.expected.length ?? 0) + 2)
  const theirs = known?.expected[seat]?.producer
  const others = known?.expected.filter(({ producer }) => producer !== theirs) ?? []
  const producer = others[random.below(others.length)]?.producer ?? 1e9
  const from = known?.expected[seat]?.id ?? 'stranger'
  const answer = { type: 'reply', from, value: 'a lie' } as const
  client.lie({ ask: random.next() < 0.2 ? 1e9 : (known?.ask ?? 1e9), seat, producer, answer })
})

/** Everything that is done to a world, one function for each fault that is an event of its own. */
export const DEEDS: Partial<Record<DispatchFault, Deed>> = {
  foreign,
  produce: does((client, world, random) => {
    if (client.producers.length < 6) client.produce(world.drawOffer(client, random))
  }),
  withdraw: does((client, _world, random) => {
    const producer = client.producers[random.below(client.producers.length)]
    if (producer?.state === 'serving') client.withdraw(producer)
  }),
  leave: does((client, _world, random) => {
    const producer = client.producers[random.below(client.producers.length)]
    if (producer !== undefined) client.leave(producer)
  }),
  listen: does((client, world, random) => {
    if (client.listeners.length < 4) client.listen(pick(random, world.bench.conditions.topics))
  }),
  unlisten: does((client, _world, random) => {
    const hearing = client.listeners[random.below(client.listeners.length)]
    if (hearing !== undefined) client.unlisten(hearing)
  }),
  abandon: does((client, _world, random) => {
    const asks = [...client.asks.keys()]
    const one = asks[random.below(asks.length)]
    if (one !== undefined) client.abandon(one)
  }),
  askStorm: (world, random) => {
    let asked = false
    for (let asks = 2 + random.below(20); asks > 0; asks--) asked = ask(world, random) || asked
    return asked
  },
  replay: (world, random) => world.links.replay(random),
  linkLoss: (world, random) => {
    const link = anyClient(world, random, ({ isLinked }) => isLinked)?.link
    if (link !== undefined) world.links.cut(link, random)
    return link !== undefined
  },
  slowLink: (world, random) => {
    const client = anyClient(world, random)
    if (client !== undefined) world.links.network.slowDown(client.name, 3 * still(world, random))
    return client !== undefined
  },
  fullQueue: (world, random) => {
    const link = anyClient(world, random, ({ isLinked }) => isLinked)?.link
    if (link !== undefined) world.links.choke(link, still(world, random), random)
    return link !== undefined
  },
  crash: (world, random) => {
    const client = anyClient(world, random)
    if (client === undefined) return false
    world.crash(client, random)
    const { agenda, conditions } = world.bench
    // Its place is always taken again: a world without anybody finds nothing.
    agenda.after(conditions.reconnectMs * pick(random, [0, 1, 5]) * random.next(), () => world.join(client.name))
    return true
  },
  restart: (world, random) => {
    if (!world.crashServer(random)) return false
    const { agenda, conditions } = world.bench
    agenda.after(conditions.reconnectMs * pick(random, [0, 1, 5]) * random.next(), () => world.start())
    return true
  },
  pause: (world, random) => {
    const client = anyClient(world, random)
    client?.standStill(still(world, random), false)
    return client !== undefined
  },
  serverPause: (world, random) => {
    world.server?.standStill(still(world, random), false)
    return world.server !== undefined
  },
}

/** Less often than others: each is felt by everybody. */
const RARITY: Partial<Record<DispatchFault, number>> = {
  restart: 8,
  askStorm: 6,
  crash: 2,
  serverPause: 4,
  replay: 0.5,
}

/**
 * Asks, and whatever else is switched on, happen again and again until the world is healed. Each time is a deed with a name of its own
 * (`ask.3`) and with chances of its own, so that leaving one out leaves the others as they were.
 */
export const arrangeDeeds = (world: DispatchWorld): void => {
  const { bench } = world
  const { askEveryMs, faultEveryMs, faults } = bench.conditions
  repeat(world, 'ask', ask, askEveryMs)
  for (const name of faults) {
    const deed = DEEDS[name]
    if (deed !== undefined) repeat(world, name, deed, faultEveryMs * (RARITY[name] ?? 1))
  }
}

const repeat = (world: DispatchWorld, name: 'ask' | DispatchFault, deed: Deed, everyMs: number): void => {
  const { bench } = world
  const random = bench.random.fork(`deed ${name}`)
  let number = 0
  const again = (): void => {
    bench.agenda.after(exponential(random, everyMs), () => {
      if (!bench.faulty) return
      again()
      const called = `${name}.${number++}`
      if (bench.conditions.deeds?.has(called) === false) return
      bench.note('deed', name)
      if (name !== 'ask') bench.tell({ who: 'world', kind: 'fault', what: called })
      if (!deed(world, random.fork(called))) return
      if (name !== 'ask' && name !== 'fullQueue') bench.count(name)
      bench.deeds.push(called)
    })
  }
  again()
}
