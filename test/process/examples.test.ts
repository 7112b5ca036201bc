import { setTimeout as sleep } from 'node:timers/promises'
import { type Caucus, connect, partitionOf, remote } from 'caucus'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { BUCKETS, runScheduler, type Timetable } from '../../examples/buckets.ts'
import { consume, type Log, type Message, PARTITIONS } from '../../examples/consumer.ts'
import { endAll, type RunningServer, startServer } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

let server: RunningServer
const nodes: Node[] = []
beforeEach(async () => {
  server = await startServer(['--fresh', '-t', '4', '-s', '0.1'])
})
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.stop()))
  await endAll()
})

/** One process's part, with a connection of its own. */
interface Node {
  readonly name: string
  stop(): Promise<void>
}

const startNode = async (name: string, run: (caucus: Caucus, signal: AbortSignal) => Promise<void>): Promise<Node> => {
  const caucus = await connect(remote([server.url]))
  const over = new AbortController()
  const running = run(caucus, over.signal)
  let stopped: Promise<void> | undefined
  const stop = async () => {
    over.abort()
    await running
    await caucus[Symbol.asyncDispose]()
  }
  const node = { name, stop: () => (stopped ??= stop()) }
  nodes.push(node)
  return node
}

/** What refuses a token lower than the highest that it has seen, as storage should. */
class Fence {
  readonly #highest = new Map<string, number>()

  check(what: string, token: number): void {
    const highest = this.#highest.get(what) ?? 0
    if (token < highest) throw new Error(`${what}: token ${token} is older than ${highest}`)
    this.#highest.set(what, token)
  }
}

describe('the scheduler', () => {
  const JOBS = Array.from({ length: 40 }, (_, n) => `job ${n}`)
  const fence = new Fence()
  let runs: { job: string; node: string }[]
  let underWay: Set<string>
  let overlaps: string[]
  beforeEach(() => {
    runs = []
    underWay = new Set()
    overlaps = []
  })

  const timetable: Timetable = {
    due: async () => JOBS,
    hasRun: async (job, token) => fence.check(job, token),
  }
  const start = (name: string) =>
    startNode(name, (caucus, signal) => {
      const run = async (job: string) => {
        if (underWay.has(job)) overlaps.push(job)
        underWay.add(job)
        await sleep(5)
        underWay.delete(job)
        runs.push({ job, node: name })
      }
      return runScheduler(caucus, { timetable, run, everyMs: 10 }, signal)
    })
  /** Waits until every job has run since now, and every node of `names` ran some and nobody else did. */
  const untilSplitOver = (names: string) =>
    waitFor(`all jobs to be run by ${names}`, async () => {
      runs = []
      await sleep(100)
      const jobs = new Set(runs.map(({ job }) => job))
      return jobs.size === JOBS.length && [...new Set(runs.map(({ node }) => node))].sort().join() === names
    })

  test('runs every job on one node, whoever comes and goes', async () => {
    expect(new Set(JOBS.map((job) => partitionOf(job, BUCKETS))).size).toBeGreaterThan(20)
    await start('A')
    await untilSplitOver('A')
    const [b] = await Promise.all([start('B'), start('C')])
    await untilSplitOver('A,B,C')
    await b.stop()
    await untilSplitOver('A,C')
    expect(overlaps).toEqual([])
  })

  test('says which job failed', async () => {
    const caucus = await connect(remote([server.url]))
    const run = async (job: string) => {
      throw new Error(`${job} is broken`)
    }
    const signal = new AbortController().signal
    await expect(runScheduler(caucus, { timetable, run, everyMs: 10 }, signal)).rejects.toMatchObject({
      errors: expect.arrayContaining([expect.objectContaining({ message: expect.stringContaining('is broken') })]),
    })
    await caucus[Symbol.asyncDispose]()
  })
})

describe('the consumer', () => {
  const EACH = 40
  const fence = new Fence()
  let offsets: number[]
  let handled: { partition: number; offset: number; node: string }[]
  beforeEach(() => {
    offsets = new Array<number>(PARTITIONS).fill(0)
    handled = []
  })

  const log: Log = {
    read: async (partition, offset) => {
      await sleep(5)
      const message: Message = { offset, text: `message ${offset} of ${partition}` }
      return offset < EACH ? [message] : []
    },
    committed: async (partition) => offsets[partition] ?? 0,
    commit: async (partition, offset, epoch) => {
      fence.check(`partition ${partition}`, epoch)
      offsets[partition] = offset
    },
  }
  const start = (name: string) =>
    startNode(name, (caucus, signal) => {
      const handle = async ({ offset }: Message, partition: number) => {
        await sleep(5)
        handled.push({ partition, offset, node: name })
      }
      return consume(caucus, log, handle, signal)
    })

  test('reads every message of every partition once and in order, while consumers come and leave', async () => {
    const a = await start('A')
    await waitFor('A to begin', () => handled.length > PARTITIONS)
    const [b] = await Promise.all([start('B'), start('C')])
    await waitFor('all three to have read', () => new Set(handled.map(({ node }) => node)).size === 3)
    await a.stop()
    await waitFor('the end of all partitions', () => offsets.every((offset) => offset === EACH))
    await b.stop()

    for (let partition = 0; partition < PARTITIONS; partition++) {
      const read = handled.filter((each) => each.partition === partition).map(({ offset }) => offset)
      expect(read).toEqual(Array.from({ length: EACH }, (_, offset) => offset))
    }
  })

  test('says what failed', async () => {
    const caucus = await connect(remote([server.url]))
    const broken: Log = {
      ...log,
      committed: async () => {
        throw new Error('the table of offsets is gone')
      },
    }
    const signal = new AbortController().signal
    await expect(consume(caucus, broken, async () => {}, signal)).rejects.toThrow('the table of offsets is gone')
    await caucus[Symbol.asyncDispose]()
  })
})
