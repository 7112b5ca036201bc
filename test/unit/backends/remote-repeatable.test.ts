import { connect, isCaucusError, type Membership, timing } from 'caucus'
import { expect, onTestFinished, test, vi } from 'vitest'
import { openRemote, RemoteBackend } from '../../../src/backends/remote/backend.ts'
import { checkedRemote } from '../../../src/backends/remote/options.ts'
import type { Surroundings } from '../../../src/backends/remote/surroundings.ts'
import { seededRandom } from '../../../src/core/random.ts'
import { CaucusError } from '../../../src/errors.ts'
import type { BackendFactory } from '../../../src/ports/backend.ts'
import { hostCoordinator } from '../../../src/runtime/coordinator-host.ts'
import { Links } from '../../../src/server/links.ts'
import { silentLogger } from '../../../src/server/logger.ts'
import { memoryStore } from '../../../src/stores/memory-store.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'
import { SocketPair } from '../socket-pair.ts'

/** From now on whoever asks the machine for time or chance fails. */
const withoutTheMachine = () => {
  const refuse = (what: string) => () => expect.fail(`${what} was asked of the machine`)
  const spies = [
    vi.spyOn(Math, 'random').mockImplementation(refuse('chance')),
    vi.spyOn(Date, 'now').mockImplementation(refuse('the time')),
    vi.spyOn(performance, 'now').mockImplementation(refuse('the time')),
    vi.spyOn(globalThis, 'setTimeout').mockImplementation(refuse('a timer')),
    vi.spyOn(globalThis, 'setInterval').mockImplementation(refuse('a timer')),
  ]
  onTestFinished(() => {
    for (const spy of spies) spy.mockRestore()
  })
}

/** Lets simulated time go by until the promise is settled. */
const within = async <T>(clock: SimulatedClock, ms: number, promise: Promise<T>): Promise<T> => {
  let done = false
  const finish = () => {
    done = true
  }
  promise.then(finish, finish)
  for (let waited = 0; waited <= ms && !done; waited += 10) await clock.play(10)
  if (!done) throw new Error(`nothing came of it within ${ms} ms of simulated time`)
  return promise
}

/** Nobody answers, unless `more` says otherwise. */
const surroundings = (clock: SimulatedClock, seed: number, more: Partial<Surroundings> = {}): Surroundings => {
  const random = seededRandom(seed)
  let ids = 0
  const unavailable = async (url: string) => {
    throw new CaucusError('CAUCUS_UNAVAILABLE', `${url}: nobody there`)
  }
  return {
    clocks: clock,
    random: () => random.next(),
    newId: () => `id-${++ids}`,
    openSocket: (options, sink) => new SocketPair(clock, options, sink).client,
    http: { get: unavailable, getJson: unavailable },
    ...more,
  }
}

const OPTIONS = checkedRemote('http://server', { timing: timing.local, connectTimeoutMs: 3_000 })

/** Two members of a group, whose connections are lost again and again: everything that both ends did. */
const run = async (seed: number): Promise<readonly string[]> => {
  const clock = new SimulatedClock(1_000)
  const hosting = await hostCoordinator({
    clock,
    wallMs: () => 1_700_000_000_000 + clock.now(),
    store: memoryStore({ instanceId: 'server-1' }),
    defaults: { leaseMs: 4_000, settleMs: 1_000, settleCapMs: 5_000, drainLimitMs: 2_000, staticGraceMs: 3_000 },
    fresh: true,
    limits: { groups: 10, membersPerGroup: 10 },
    onFault: (error) => {
      throw error
    },
  })
  const counts = { links: 0, linksCut: 0, framesRefused: 0, framesDropped: 0 }
  const limits = { pingMs: 1_000, linkBufferBytes: 1_000_000 }
  const links = new Links({ hosting, clock, limits, counts, logger: silentLogger })
  const log: string[] = []
  const live: SocketPair[] = []
  const around = surroundings(clock, seed, {
    openSocket: (options, sink) => {
      const pair = new SocketPair(clock, options, sink)
      log.push(`dialled at ${clock.now()}`)
      live.push(pair)
      pair.accepted((connection) => links.accept(connection))
      return pair.client
    },
  })
  const backend: BackendFactory = ({ signal }) => openRemote(OPTIONS, around, signal)
  const clients = await within(clock, 1_000, Promise.all([connect(backend), connect(backend)]))
  const joining = clients.map((caucus) => caucus.group('g').join())
  const members: Membership[] = await within(clock, 1_000, Promise.all(joining))
  for (let round = 0; round < 5; round++) {
    for (const membership of members) {
      const { slot } = await within(clock, 10_000, membership.settled())
      log.push(`${membership.id} has ${slot?.index} of ${slot?.total} at ${clock.now()}`)
    }
    for (const pair of live.splice(0)) {
      pair.lost(new CaucusError('CAUCUS_CONNECTION_LOST', 'cut'))
      log.push(...pair.log)
    }
    await clock.play(1_000)
  }
  await within(clock, 5_000, Promise.all(clients.map((caucus) => caucus.close())))
  links.close()
  await hosting.close()
  expect(clock.pending).toBe(0)
  return log
}

test('a client and a server in surroundings that are made up ask nothing of the machine, and do the same again', async () => {
  withoutTheMachine()
  const first = await run(7)
  expect(first).toContainEqual(expect.stringMatching(/^id-\d has 2 of 2 at \d/))
  expect(first.filter((line) => line.startsWith('dialled')).length).toBeGreaterThan(10)
  expect(await run(7)).toEqual(first)
  expect(await run(8)).not.toEqual(first)
})

test('where no server takes anybody, connecting ends in time', async () => {
  const clock = new SimulatedClock(1_000)
  const connecting = connect(({ signal }) => openRemote(OPTIONS, surroundings(clock, 1), signal))
  const failure = connecting.catch((error: unknown) => error)
  await clock.play(2_999)
  expect(clock.pending).toBeGreaterThan(0)
  await within(clock, 100, failure)
  const error = await failure
  expect(isCaucusError(error) && error.code).toBe('CAUCUS_UNAVAILABLE')
  expect(clock.pending).toBe(0)
})

test('a stream of events that breaks is asked for again, after a pause that chance chooses', async () => {
  const clock = new SimulatedClock(1_000)
  const draws = [0.5, 1, 0]
  const askedAt: number[] = []
  const backend = new RemoteBackend(
    OPTIONS,
    surroundings(clock, 1, {
      random: () => draws.shift() ?? 1,
      // Its link draws nothing: the connection is never answered.
      http: {
        get: async () => {
          askedAt.push(clock.now())
          throw new CaucusError('CAUCUS_UNAVAILABLE', 'the stream broke')
        },
        getJson: async () => ({}),
      },
    }),
  )
  const next = backend.events({ group: 'g' }).next()
  // What it awaits first, before any time goes by.
  await new Promise((resume) => setImmediate(resume))
  await clock.play(timing.local.reconnectMaxMs * 1.5)
  await within(clock, 1_000, backend.close())
  expect(askedAt.slice(0, 4)).toEqual([0, 0.5, 1.5, 1.5].map((pauses) => 1_000 + pauses * timing.local.reconnectMaxMs))
  expect(await next).toEqual({ value: undefined, done: true })
  expect(clock.pending).toBe(0)
})
