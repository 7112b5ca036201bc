import { type Handlers, type MemoryCluster, memoryCluster } from 'caucus/testing'
import { afterEach, describe, expect, test } from 'vitest'

const clusters: MemoryCluster[] = []
afterEach(async () => {
  for (const cluster of clusters.splice(0)) {
    await cluster.close()
    expect(cluster.check()).toEqual([])
  }
})

const newCluster = async (options: Parameters<typeof memoryCluster>[0] = {}) => {
  const cluster = await memoryCluster({ members: 3, group: 'jobs', share: { partitions: 12 }, ...options })
  clusters.push(cluster)
  await cluster.settled()
  return cluster
}

const sharesOf = (cluster: MemoryCluster) => cluster.members.map(({ membership }) => membership.partitions.length)

describe('a memory cluster', () => {
  test('splits the group among its members, and needs no real time for it', async () => {
    const cluster = await newCluster()
    expect(sharesOf(cluster)).toEqual([4, 4, 4])
    const owners = cluster.members.filter(({ membership }) => membership.owns('user-42'))
    expect(owners).toHaveLength(1)
    expect(cluster.coordinator.view()).toMatchObject({ state: 'settled', total: 3 })
  })

  test('gives what a member had to the others once it is cut off, and shares again when it is back', async () => {
    const cluster = await newCluster()
    const [, m2] = cluster.members
    m2?.partition()
    await cluster.play(10_000)
    expect(sharesOf(cluster)).toEqual([6, 0, 6])
    expect(cluster.pending().join()).toContain('m2')
    m2?.heal()
    await cluster.settled()
    expect(sharesOf(cluster)).toEqual([4, 4, 4])
  })

  test('moves nothing when the coordinator comes back in time', async () => {
    const cluster = await newCluster()
    const before = cluster.members.map(({ membership }) => membership.partitions)
    cluster.coordinator.crash()
    await cluster.play(1_000)
    expect(cluster.members.map(({ membership }) => membership.partitions)).toEqual(before)
    cluster.coordinator.start()
    await cluster.settled()
    expect(cluster.members.map(({ membership }) => membership.partitions)).toEqual(before)
  })

  test('lets members join, leave, be killed and come back', async () => {
    const cluster = await newCluster()
    const m4 = cluster.join()
    await cluster.settled()
    expect(sharesOf(cluster)).toEqual([3, 3, 3, 3])
    await cluster.wait(m4.leave())
    cluster.member('m1').crash({ silent: true })
    expect(() => cluster.member('m1').membership).toThrow('start() it first')
    await cluster.settled()
    expect(
      cluster.coordinator
        .view()
        ?.members.map(({ id }) => id)
        .sort(),
    ).toEqual(['m2', 'm3'])
    cluster.member('m1').start()
    await cluster.settled()
    expect(cluster.coordinator.view()?.total).toBe(3)
  })

  test('lets a process that stood still read the truth at its first look', async () => {
    const cluster = await newCluster()
    const m1 = cluster.member('m1')
    m1.pause()
    await cluster.play(20_000)
    expect(m1.membership.partitions).toEqual([])
    m1.resume()
    await cluster.settled()
  })

  test('takes a machine that slept for one that knows it', async () => {
    const cluster = await newCluster()
    const m1 = cluster.member('m1')
    m1.suspend(20_000)
    await cluster.play(20_000)
    expect(m1.membership.partitions).toEqual([])
    await cluster.settled()
  })

  test('runs the SDK’s other calls, too: views, groups and events over made-up HTTP', async () => {
    const cluster = await newCluster()
    const { caucus } = cluster.member('m1')
    expect(await cluster.wait(caucus.group('jobs').view())).toMatchObject({ name: 'jobs', total: 3 })
    expect(await cluster.wait(caucus.groups())).toHaveLength(1)
    expect(caucus.guarantees.exclusion).toBe('fenced')
    const events = caucus.group('jobs').events()[Symbol.asyncIterator]()
    const next = events.next()
    await cluster.play(100)
    cluster.join('m4')
    const { value } = await cluster.wait(next)
    expect(value).toMatchObject({ event: { type: 'member.joined', member: 'm4' } })
    await events.return?.()
  })

  test('says what it is waited for in vain', async () => {
    const cluster = await newCluster()
    cluster.coordinator.crash()
    await expect(cluster.settled({ withinMs: 5_000 })).rejects.toMatchObject({
      code: 'CAUCUS_NOT_SETTLED',
      message: expect.stringContaining('the coordinator is down'),
    })
    await expect(cluster.wait(new Promise(() => undefined), { withinMs: 10 })).rejects.toMatchObject({
      code: 'CAUCUS_TIMEOUT',
    })
    expect(() => cluster.member('m9')).toThrow('there is no member "m9"')
    expect(() => cluster.join('m1')).toThrow('is there already')
  })

  test.each([
    [{ members: 1.5 }, 'members is 1.5; give a whole number from 0 to 100'],
    [{ members: ['a', 'a'] }, 'two of them have the same id'],
    [{ share: { partitions: 0 } }, 'share must be'],
    [{ drift: 2 }, 'drift is 2; give a number from 0 to 0.5'],
    [{ timing: { leaseMs: 1_000, heartbeatMs: 900 } }, 'heartbeatMs'],
    [{ membres: 3 } as object, 'knows no option "membres"'],
  ])('refuses %j, and says why', async (options, why) => {
    await expect(memoryCluster(options)).rejects.toThrow(why)
  })

  test('gives the same run for the same seed and calls, and another one for another seed', async () => {
    const run = async (seed: number) => {
      const cluster = await newCluster({ seed })
      cluster.member('m2').partition(8_000)
      await cluster.play(30_000)
      return cluster.hash
    }
    const hash = await run(5)
    expect(await run(5)).toBe(hash)
    expect(await run(6)).not.toBe(hash)
  })

  test('draws what happened', async () => {
    const cluster = await newCluster()
    expect(cluster.diagram()).toMatch(/coordinator +m1 +m2/)
    expect(cluster.trace().join('\n')).toMatch(/m2 +granted/)
  })
})

describe('a program in a memory cluster', () => {
  test('is told what moves, and the next owner waits for it', async () => {
    const said: string[] = []
    const handlers: Handlers = ({ id, clock, work }) => ({
      onRevoke: async ({ partitions, epoch }) => {
        for (const partition of partitions) {
          const claim = work(partition, epoch(partition))
          await clock.sleep(500)
          claim.end()
        }
        said.push(`${id} let go of ${partitions.length}`)
      },
    })
    const cluster = await newCluster({ members: 1, handlers })
    cluster.join()
    await cluster.settled()
    expect(said).toEqual(['m1 let go of 6'])
    expect(sharesOf(cluster)).toEqual([6, 6])
  })

  test('starts anew with each of its processes', async () => {
    let started = 0
    const handlers: Handlers = () => {
      started++
      return undefined
    }
    const cluster = await newCluster({ handlers })
    cluster.member('m1').crash()
    cluster.member('m1').start()
    await cluster.settled()
    expect(started).toBe(4)
  })
})

describe('what a memory cluster finds', () => {
  test('a program that works on what it has lost', async () => {
    const handlers: Handlers = ({ membership, clock, work }) => ({
      run: async () => {
        // Asks once, and never again.
        const { partitions } = await membership.settled()
        for (const partition of partitions) work(partition)
        await clock.sleep(100_000)
      },
    })
    await using cluster = await memoryCluster({ share: { partitions: 3 }, handlers })
    await cluster.settled()
    await cluster.play(100)
    cluster.member('m2').partition()
    await cluster.play(20_000)
    cluster.member('m1').crash()
    cluster.member('m1').start()
    await cluster.play(20_000)
    await cluster.close()
    expect(cluster.check().map(({ invariant }) => invariant)).toContain('Work')
  })

  test('a program that writes without its epoch, and one that throws', async () => {
    const handlers: Handlers = ({ id, membership, store }) => ({
      run: async () => {
        await membership.settled()
        if (id === 'm2') throw new TypeError('a slip of the finger')
        if (id !== 'm1') return
        for await (const share of membership.watch()) if (share.partitions.length > 0) await store.write('a', id)
      },
    })
    await using cluster = await memoryCluster({ share: { partitions: 3 }, handlers })
    await cluster.settled()
    await cluster.close()
    expect(cluster.check().map(({ message }) => message)).toEqual([
      expect.stringContaining('m2: its program failed: TypeError: a slip of the finger'),
    ])
  })
})
