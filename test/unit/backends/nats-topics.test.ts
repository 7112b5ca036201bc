import { describe, expect, test } from 'vitest'
import { Bus } from './nats-bus.ts'

const silent = () => new Promise<never>(() => {})
const fromOf = (answers: readonly { readonly from: string }[]) => answers.map(({ from }) => from).toSorted()
/** Long enough for every question to be over. */
const A_WHILE_MS = 1_000

describe('topics over NATS', () => {
  test('whoever is there when it is asked is expected, and each is told first that it is', async () => {
    const bus = new Bus()
    const [asker, one, two] = [bus.connect(), bus.connect(), bus.connect()]
    const ready = one.produce('a', (n) => n).told
    two.produce('b', (n) => n)
    await bus.clock.play(A_WHILE_MS)
    expect(ready).toEqual(['ready'])
    const asked = asker.ask()
    await bus.clock.play(A_WHILE_MS)
    expect(asked.summary).toMatchObject({ expected: 2, replied: 2, ending: 'met' })
    expect(fromOf(asked.answers)).toEqual(['a', 'b'])
    await bus.clock.play(A_WHILE_MS)
    bus.published.length = 0
    asker.ask()
    await bus.clock.play(A_WHILE_MS)
    // One message to everybody, whoever they are, and one from each.
    expect(bus.published.filter((subject) => subject === 'test.ask.t')).toHaveLength(1)
    expect(bus.published).toHaveLength(3)
  })

  test('a producer that comes while an ask is under way is not asked', async () => {
    const bus = new Bus()
    const [asker, one, two] = [bus.connect(), bus.connect(), bus.connect()]
    one.produce('here', silent)
    await bus.clock.play(A_WHILE_MS)
    const asked = asker.ask({ withinMs: 5_000 })
    await bus.clock.play(A_WHILE_MS)
    const requests: unknown[] = []
    two.produce('late', (request) => requests.push(request))
    await bus.clock.play(10_000)
    expect(asked.summary).toMatchObject({ expected: 1, missing: ['here'], ending: 'timeout' })
    expect(requests).toEqual([])
    expect(asker.ask()).toBeDefined()
    await bus.clock.play(A_WHILE_MS)
    expect(requests).toEqual([1])
  })

  test('nobody there is known as soon as the server says so', async () => {
    const bus = new Bus()
    const asked = bus.connect().ask()
    await bus.clock.play(1)
    expect(asked.summary).toMatchObject({ expected: 0, ending: 'nobody', code: 'CAUCUS_NO_RESPONDERS' })
  })

  test('a first ask waits for those who are there no longer than for half of its limit', async () => {
    const bus = new Bus()
    const [asker, other] = [bus.connect(), bus.connect()]
    other.produce('frozen', silent)
    await bus.clock.play(A_WHILE_MS)
    other.freeze()
    const asked = asker.ask({ withinMs: 20 })
    await bus.clock.play(10)
    expect(asked.summary).toMatchObject({ expected: 0, ending: 'nobody' })
  })

  test('a process that crashed completes its part as left, and what the others say counts', async () => {
    const bus = new Bus()
    const [asker, one, two] = [bus.connect(), bus.connect(), bus.connect()]
    one.produce('dies', silent)
    two.produce('lives', () => 'here')
    await bus.clock.play(A_WHILE_MS)
    const asked = asker.ask()
    await bus.clock.play(100)
    one.crash()
    await bus.clock.play(2_000)
    expect(asked.summary).toMatchObject({ replied: 1, left: ['dies'], missing: ['dies'], ending: 'exhausted' })
    const next = asker.ask()
    await bus.clock.play(100)
    expect(next.summary).toMatchObject({ expected: 1, ending: 'met' })
  })

  test('one that stands still is given up after a while, and is back when it goes on', async () => {
    const bus = new Bus()
    const [asker, other] = [bus.connect(), bus.connect()]
    other.produce('p', () => 'here')
    await bus.clock.play(A_WHILE_MS)
    asker.ask()
    await bus.clock.play(A_WHILE_MS)
    other.freeze()
    const asked = asker.ask()
    await bus.clock.play(5_000)
    expect(asked.summary).toBeUndefined()
    await bus.clock.play(10_000)
    expect(asked.summary).toMatchObject({ left: ['p'], ending: 'exhausted' })
    other.thaw()
    await bus.clock.play(A_WHILE_MS)
    const next = asker.ask()
    await bus.clock.play(A_WHILE_MS)
    expect(next.summary).toMatchObject({ expected: 1, replied: 1, ending: 'met' })
  })

  test('an asker that crashed has its requests called off', async () => {
    const bus = new Bus()
    const [asker, other] = [bus.connect(), bus.connect()]
    let aborted: unknown
    other.produce('p', (_request, { signal }) => {
      signal.addEventListener('abort', () => {
        aborted = signal.reason
      })
      return silent()
    })
    await bus.clock.play(A_WHILE_MS)
    asker.ask()
    await bus.clock.play(100)
    asker.crash()
    await bus.clock.play(2_000)
    expect(aborted).toMatchObject({ code: 'CAUCUS_CLOSED' })
  })

  test('remaining time travels, and the end of an ask aborts those who still work on it', async () => {
    const bus = new Bus()
    const [asker, one, two] = [bus.connect(), bus.connect(), bus.connect()]
    const remaining: number[] = []
    const aborted: unknown[] = []
    one.produce('quick', (_request, { remainingMs }) => remaining.push(remainingMs))
    two.produce('slow', (_request, { signal }) => {
      signal.addEventListener('abort', () => aborted.push(signal.reason))
      return silent()
    })
    await bus.clock.play(A_WHILE_MS)
    const asked = asker.ask({ until: 'first', withinMs: 400 })
    await bus.clock.play(A_WHILE_MS)
    expect(asked.summary).toMatchObject({ replied: 1, released: ['slow'], ending: 'met' })
    expect(aborted).toMatchObject([{ code: 'CAUCUS_CLOSED' }])
    // The question of who is there took its part.
    expect(remaining[0]).toBeLessThan(400)
    expect(remaining[0]).toBeGreaterThan(0)
  })

  test('what an ask belongs to travels with it, and who asks', async () => {
    const bus = new Bus()
    const [asker, other] = [bus.connect(), bus.connect()]
    const seen: unknown[] = []
    other.produce('p', (_request, { trace, from, topic }) => seen.push(trace, from, topic))
    await bus.clock.play(A_WHILE_MS)
    const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }
    asker.ask({ trace })
    await bus.clock.play(A_WHILE_MS)
    expect(seen).toEqual([trace, 'connection-1', 't'])
  })

  test('a server that passes nothing on keeps nobody waiting for ever', async () => {
    const bus = new Bus()
    const asker = bus.connect()
    asker.freeze()
    const asked = asker.ask({ withinMs: 2_000 })
    const viewing = asker.topics.view('other').catch((error: unknown) => error)
    await bus.clock.play(10_000)
    expect(asked.summary).toMatchObject({ ending: 'nobody' })
    expect(await viewing).toMatchObject({ code: 'CAUCUS_TIMEOUT' })
    asker.thaw()
    bus.connect().produce('p', () => 'here')
    await bus.clock.play(A_WHILE_MS)
    const next = asker.ask()
    await bus.clock.play(A_WHILE_MS)
    expect(next.summary).toMatchObject({ expected: 1, replied: 1 })
  })

  test('a lost server ends asks, and has everybody back under new numbers', async () => {
    const bus = new Bus()
    const [asker, other] = [bus.connect(), bus.connect()]
    const reasons: unknown[] = []
    const { told } = other.produce('p', (request, { signal }) => {
      if (request === 'quick') return 'here'
      signal.addEventListener('abort', () => reasons.push(signal.reason))
      return silent()
    })
    await bus.clock.play(A_WHILE_MS)
    const asked = asker.ask()
    await bus.clock.play(100)
    for (const each of [asker, other]) each.lose()
    expect(asked.error).toMatchObject({ code: 'CAUCUS_CONNECTION_LOST' })
    expect(asker.ask().error).toMatchObject({ code: 'CAUCUS_UNAVAILABLE' })
    await bus.clock.play(100)
    expect(reasons).toMatchObject([{ code: 'CAUCUS_CONNECTION_LOST' }])
    for (const each of [asker, other]) each.find()
    await bus.clock.play(A_WHILE_MS)
    expect(told).toEqual(['ready', 'lost', 'ready'])
    const next = asker.ask({ payload: 'quick' })
    await bus.clock.play(A_WHILE_MS)
    expect(next.summary).toMatchObject({ expected: 1, replied: 1 })
  })

  test('an asker that is not known any more is told who is there, and is served from then on', async () => {
    const bus = new Bus()
    const [asker, other] = [bus.connect(), bus.connect()]
    other.produce('p', () => 'here')
    await bus.clock.play(A_WHILE_MS)
    asker.ask()
    await bus.clock.play(A_WHILE_MS)
    other.lose()
    // The asker hears of the new one and of nothing else: the old one is gone without a word.
    other.find()
    await bus.clock.play(A_WHILE_MS)
    const asked = asker.ask()
    await bus.clock.play(2_000)
    expect(asked.summary).toMatchObject({ expected: 1, replied: 1, ending: 'met' })
  })

  test('of two that take one id at the same time, one has it in the end', async () => {
    const bus = new Bus()
    const [asker, one, two] = [bus.connect(), bus.connect(), bus.connect()]
    const [first, second] = [one.produce('same', () => 1).told, two.produce('same', () => 2).told]
    await bus.clock.play(A_WHILE_MS)
    expect([...first, ...second].toSorted()).toEqual(['CAUCUS_FENCED', 'ready'])
    const asked = asker.ask()
    await bus.clock.play(A_WHILE_MS)
    expect(asked.summary).toMatchObject({ expected: 1, replied: 1 })
  })

  test('what is no message of ours is ignored aloud, once a minute, and harms nobody', async () => {
    const bus = new Bus()
    const [asker, other] = [bus.connect(), bus.connect()]
    other.produce('p', () => 'here')
    await bus.clock.play(A_WHILE_MS)
    for (const subject of ['test.ask.t', 'test.node.000000000001', 'test.id.t.p', 'test.who.t']) {
      for (const bytes of [[], [0], [0xca, 1], [0xca, 1, 9, 77], [0xca, 2, 1], [0xca, 1, 1, 3, 0xff]])
        bus.publish(subject, new Uint8Array(bytes))
    }
    await bus.clock.play(A_WHILE_MS)
    const asked = asker.ask()
    await bus.clock.play(A_WHILE_MS)
    expect(asked.summary).toMatchObject({ expected: 1, replied: 1 })
    expect(bus.warnings.map(({ code }) => code)).toEqual(['CAUCUS_PROTOCOL', 'CAUCUS_PROTOCOL'])
  })

  test('nothing is left behind', async () => {
    const bus = new Bus()
    const [asker, other] = [bus.connect(), bus.connect()]
    other.produce('p', silent)
    await bus.clock.play(A_WHILE_MS)
    const asked = asker.ask()
    await bus.clock.play(100)
    await asker.topics.close()
    await other.topics.close()
    expect(asked.error).toMatchObject({ code: 'CAUCUS_CLOSED' })
    await bus.clock.play(120_000)
    expect(bus.clock.nextAt === undefined || !bus.clock.alive).toBe(true)
  })
})
