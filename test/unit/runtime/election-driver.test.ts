import { describe, expect, test } from 'vitest'
import type { PeerMessage } from '../../../src/core/election/messages.ts'
import type { ElectionRecord } from '../../../src/core/election/record.ts'
import { seededRandom } from '../../../src/core/random.ts'
import { CaucusError } from '../../../src/errors.ts'
import type { VoterStore } from '../../../src/ports/voter-store.ts'
import { ElectionDriver } from '../../../src/runtime/election-driver.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'

const TIMING = { heartbeatMs: 25, electionMinMs: 150, electionMaxMs: 300, leaseMs: 120 }

/** A disk that is as quick as its test says. */
class Disk implements VoterStore {
  found: ElectionRecord | undefined
  mood: 'quick' | 'stuck' | 'full' = 'quick'
  writes = 0
  lose: (reason: CaucusError) => void = () => undefined
  readonly lost = new Promise<CaucusError>((resolve) => {
    this.lose = resolve
  })

  save(record: ElectionRecord): Promise<void> {
    this.writes++
    if (this.mood === 'stuck') return new Promise(() => undefined)
    if (this.mood === 'full') return Promise.reject(new CaucusError('CAUCUS_BACKEND', 'the disk is full'))
    this.found = record
    return Promise.resolve()
  }

  async close(): Promise<void> {}
}

interface Node {
  readonly id: string
  readonly clock: SimulatedClock
  readonly disk: Disk
  readonly driver: ElectionDriver
  readonly said: PeerMessage[]
  readonly events: string[]
  readonly faults: unknown[]
}

/** Voters in processes of their own, each with its own clock, and a network that takes no time. */
class Cluster {
  readonly nodes = new Map<string, Node>()
  /** Those who stand still: for them no time passes until they go on, but for everybody else it does. */
  readonly still = new Set<string>()

  constructor(ids: readonly string[], mood: Disk['mood'] = 'quick') {
    for (const id of ids) {
      const node = this.#node(id, ids)
      node.disk.mood = mood
      this.nodes.set(id, node)
    }
    for (const { driver } of this.nodes.values()) driver.start()
  }

  #node(id: string, voters: readonly string[]): Node {
    const clock = new SimulatedClock()
    const disk = new Disk()
    const [said, events, faults] = [[] as PeerMessage[], [] as string[], [] as unknown[]]
    const driver = new ElectionDriver({
      clocks: clock,
      election: {
        cluster: 'c',
        id,
        bootId: `${id}-boot`,
        voters,
        timing: TIMING,
        fresh: { storeId: `${id}-store`, base: 1_000 },
        random: seededRandom(id.charCodeAt(0)),
      },
      store: disk,
      send: (to, message) => {
        said.push(message)
        const other = this.nodes.get(to)
        other?.clock.deliver(() => other.driver.receive(id, message))
      },
      told: ({ type }) => void events.push(type),
      changed: () => undefined,
      onFault: (error) => void faults.push(error),
    })
    return { id, clock, disk, driver, said, events, faults }
  }

  get(id: string): Node {
    return this.nodes.get(id) ?? expect.fail(`no ${id}`)
  }

  get leading(): string[] {
    return [...this.nodes.values()].filter(({ driver }) => driver.leads).map(({ id }) => id)
  }

  async play(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 5) {
      for (const { id, clock } of this.nodes.values()) {
        if (this.still.has(id)) clock.stall(5)
        else await clock.play(5)
      }
    }
  }

  async elected(): Promise<Node> {
    await this.play(3_000)
    const [only, ...more] = this.leading
    expect(more).toEqual([])
    return this.get(only ?? expect.fail('nobody leads'))
  }
}

const three = () => new Cluster(['a', 'b', 'c'])

describe('voters that run', () => {
  test('elect one of them, and all know which', async () => {
    const cluster = three()
    const { id } = await cluster.elected()
    for (const { driver } of cluster.nodes.values()) {
      expect(driver.leader).toMatchObject({ id, term: 1, leaseMsLeft: expect.any(Number) })
      expect(driver.leader?.isSelf).toBe(driver.leads)
    }
  })

  test('a leader that stood still does not lead when it goes on, before anything else has run', async () => {
    const cluster = three()
    const first = await cluster.elected()
    cluster.still.add(first.id)
    await cluster.play(TIMING.leaseMs + 5)
    expect(first.driver.leads).toBe(false)
    expect(first.driver.leader).toBeUndefined()
    await cluster.play(2_000)
    expect(cluster.leading).toHaveLength(1)
    cluster.still.clear()
    expect(first.driver.leads).toBe(false)
    await cluster.play(500)
    expect(cluster.leading).toHaveLength(1)
    expect(first.driver.leader?.id).not.toBe(first.id)
  })

  test('a leader whose machine slept does not lead, though its monotonic clock stood still meanwhile', async () => {
    const cluster = three()
    const { driver, clock } = await cluster.elected()
    clock.suspend(TIMING.leaseMs)
    expect(driver.leads).toBe(false)
  })

  test('a leader that is told to hands over, and one that stops does not lead again', async () => {
    const cluster = three()
    const first = await cluster.elected()
    first.driver.transfer()
    expect(first.driver.leads).toBe(false)
    await cluster.play(100)
    const [second] = cluster.leading
    expect(second).not.toBe(first.id)

    cluster.get(second ?? '').driver.stop()
    expect(cluster.leading).toEqual([])
    await cluster.play(1_000)
    expect(cluster.leading).toHaveLength(1)
    expect(cluster.leading).not.toEqual([second])
  })

  test('a closed one says nothing, leads nothing and leaves no timer', async () => {
    const cluster = three()
    const { driver, clock, said } = await cluster.elected()
    driver.close()
    const before = said.length
    expect(driver.leads).toBe(false)
    expect(driver.leader).toBeUndefined()
    await clock.play(1_000)
    expect(said).toHaveLength(before)
    expect(clock.pending).toBe(0)
  })
})

describe('a disk', () => {
  const votes = ({ said }: Node) => said.filter(({ type }) => type === 'voted' || type === 'vote')

  test('that hangs holds nothing up but what rests on it', async () => {
    const cluster = three()
    const leader = await cluster.elected()
    leader.disk.mood = 'stuck'
    await cluster.play(2_000)
    expect(cluster.leading).toEqual([leader.id])

    const [follower, other] = [...cluster.nodes.values()].filter((node) => node !== leader) as [Node, Node]
    follower.disk.mood = 'stuck'
    other.disk.mood = 'stuck'
    const before = [...votes(follower), ...votes(other)].length
    cluster.still.add(leader.id)
    await cluster.play(2_000)
    expect(cluster.leading).toEqual([])
    expect([...votes(follower), ...votes(other)]).toHaveLength(before)
  })

  test('that is full lets no vote out, however long that lasts, and the voter goes on when there is room', async () => {
    const cluster = new Cluster(['a', 'b', 'c'], 'full')
    await cluster.play(1_000)
    expect(cluster.leading).toEqual([])
    expect([...cluster.nodes.values()].flatMap(({ said }) => said)).toEqual([])
    for (const { disk } of cluster.nodes.values()) disk.mood = 'quick'
    await cluster.elected()
    for (const { faults } of cluster.nodes.values()) expect(faults).toEqual([])
  })

  test('that somebody else has by now ends the voter', async () => {
    const cluster = three()
    const { driver, disk, faults } = await cluster.elected()
    const reason = new CaucusError('CAUCUS_CONFLICT', 'the data directory is in use')
    disk.lose(reason)
    await cluster.play(5)
    expect(driver.leads).toBe(false)
    expect(faults).toEqual([reason])
  })
})
