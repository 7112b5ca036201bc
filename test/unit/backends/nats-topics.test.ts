import { beforeEach, describe, expect, test, vi } from 'vitest'
import { decodeNats } from '../../../src/backends/nats/codec.ts'
import type { NatsMessage } from '../../../src/backends/nats/messages.ts'
import { Outbox } from '../../../src/backends/nats/outbox.ts'
import { Subjects } from '../../../src/backends/nats/subjects.ts'
import { Bus } from './nats-bus.ts'

const silent = () => new Promise<never>(() => {})
const fromOf = (answers: readonly { readonly from: string }[]) => answers.map(({ from }) => from).toSorted()

let bus: Bus
beforeEach(() => {
  bus = new Bus()
})

describe('topics over NATS', () => {
  test('whoever is there when it is asked is expected, and each is told first that it is', async () => {
    const [asker, one, two] = [bus.connect(), bus.connect(), bus.connect()]
    const ready = one.produce('a', (n) => n).told
    two.produce('b', (n) => n)
    await bus.aWhile()
    expect(ready).toEqual(['ready'])
    const asked = await asker.asked()
    expect(asked.summary).toMatchObject({ expected: 2, replied: 2, ending: 'met' })
    expect(fromOf(asked.answers)).toEqual(['a', 'b'])
    await bus.aWhile()
    bus.published.length = 0
    await asker.asked()
    // One message to everybody, whoever they are, and one from each.
    expect(bus.published.filter((subject) => subject === 'test.ask.t')).toHaveLength(1)
    expect(bus.published).toHaveLength(3)
  })

  test('a producer that comes while an ask is under way is not asked', async () => {
    const [asker, one, two] = [bus.connect(), bus.connect(), bus.connect()]
    one.produce('here', silent)
    await bus.aWhile()
    const asked = await asker.asked({ withinMs: 5_000 })
    const requests: unknown[] = []
    two.produce('late', (request) => requests.push(request))
    await bus.clock.play(10_000)
    expect(asked.summary).toMatchObject({ expected: 1, missing: ['here'], ending: 'timeout' })
    expect(requests).toEqual([])
    expect(asker.ask()).toBeDefined()
    await bus.aWhile()
    expect(requests).toEqual([1])
  })

  test('nobody there is known as soon as the server says so', async () => {
    const asked = bus.connect().ask()
    await bus.clock.play(1)
    expect(asked.summary).toMatchObject({ expected: 0, ending: 'nobody', code: 'CAUCUS_NO_RESPONDERS' })
  })

  test('a first ask waits for those who are there no longer than for half of its limit', async () => {
    const [asker, other] = [bus.connect(), bus.connect()]
    other.produce('frozen', silent)
    await bus.aWhile()
    other.freeze()
    const asked = asker.ask({ withinMs: 20 })
    await bus.clock.play(10)
    expect(asked.summary).toMatchObject({ expected: 0, ending: 'nobody' })
  })

  test('a process that crashed completes its part as left, and what the others say counts', async () => {
    const [asker, one, two] = [bus.connect(), bus.connect(), bus.connect()]
    one.produce('dies', silent)
    two.produce('lives', () => 'here')
    await bus.aWhile()
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
    const [asker, other] = [bus.connect(), bus.connect()]
    other.produce('p', () => 'here')
    await bus.aWhile()
    await asker.asked()
    other.freeze()
    const asked = asker.ask()
    await bus.clock.play(5_000)
    expect(asked.summary).toBeUndefined()
    await bus.clock.play(10_000)
    expect(asked.summary).toMatchObject({ left: ['p'], ending: 'exhausted' })
    other.thaw()
    await bus.aWhile()
    const next = await asker.asked()
    expect(next.summary).toMatchObject({ expected: 1, replied: 1, ending: 'met' })
  })

  test('what the others were asked while one stood still, it does not work on when it goes on', async () => {
    const [asker, other, third] = [bus.connect(), bus.connect(), bus.connect()]
    const requests: unknown[] = []
    other.produce('p', (request) => requests.push(request))
    third.produce('q', () => 'here')
    await bus.aWhile()
    await asker.asked({ payload: 'before' })
    other.freeze()
    asker.ask({ payload: 'expected' })
    await bus.clock.play(15_000)
    const without = await asker.asked({ payload: 'without it' })
    expect(without.summary).toMatchObject({ expected: 1, replied: 1 })
    other.thaw()
    await bus.aWhile()
    // What it was expected to do it may have done: that comes before the word that nobody waits for it.
    expect(requests.filter((request) => request !== 'expected')).toEqual(['before'])
    await asker.asked({ payload: 'after' })
    expect(requests.at(-1)).toBe('after')
  })

  test('one that the server took for gone, and is there after all, is told so, and takes part again', async () => {
    const [asker, other, third] = [bus.connect(), bus.connect(), bus.connect()]
    const requests: unknown[] = []
    other.produce('p', (request) => requests.push(request))
    third.produce('q', () => 'here')
    await bus.aWhile()
    await asker.asked({ payload: 'before' })
    other.cutOff()
    const gone = asker.ask({ payload: 'missed' })
    await bus.clock.play(2_000)
    expect(gone.summary).toMatchObject({ left: ['p'] })
    other.rejoin()
    for (const payload of ['first', 'second', 'third']) {
      asker.ask({ payload })
      await bus.clock.play(2_000)
    }
    const last = await asker.asked({ payload: 'last' })
    expect(last.summary).toMatchObject({ expected: 2, replied: 2 })
    expect(requests.at(-1)).toBe('last')
  })

  test('an asker that was given up while it stood still hears that its producers have left and are there anew', async () => {
    const subjects = new Subjects('test')
    const other = bus.connect()
    const aborted: unknown[] = []
    other.produce('p', (_request, { signal }) => {
      signal.addEventListener('abort', () => aborted.push(signal.reason))
      return silent()
    })
    await bus.aWhile()
    // An asker of which we see every message, and that says nothing of itself.
    const node = 4_711
    const came: NatsMessage[] = []
    const line = bus.line({ opened: () => {}, lost: () => {}, refused: () => {} })
    const outbox = new Outbox((run) => void bus.clock.turn(run))
    outbox.opened(line, node)
    let from = 0
    line.subscribe(subjects.node(node), ({ bytes }) => {
      const frame = decodeNats(bytes)
      if (typeof frame === 'string') throw new Error(frame)
      from = frame.from
      came.push(...frame.messages)
    })
    outbox.tell(subjects.who('t'), [{ type: 'who', topic: 't', census: 1 }])
    await bus.aWhile()
    expect(came).toMatchObject([{ type: 'producer', id: 'p', producer: 1 }, { type: 'told' }])
    outbox.tell(subjects.node(from), [{ type: 'known', topic: 't', producers: [1], name: 'asker' }])
    outbox.tell(subjects.ask('t'), [{ type: 'ask', ask: 1, withinMs: 60_000, payload: { kind: 'none' } }])
    came.length = 0
    await bus.clock.play(20_000)
    expect(aborted).toMatchObject([{ code: 'CAUCUS_CLOSED' }])
    expect(came.filter(({ type }) => type !== 'ping')).toMatchObject([
      { type: 'leave', producer: 1 },
      { type: 'producer', producer: 1, id: 'p' },
    ])
  })

  test('what goes wrong with a message is said, and the next one is read', async () => {
    bus.faults = []
    const [asker, other] = [bus.connect(), bus.connect()]
    const heard: unknown[] = []
    const fault = new Error('a fault of ours')
    other.topics.listen('t', {
      heard: ({ value }) => {
        heard.push(value)
        throw fault
      },
      ended: () => {},
    })
    other.produce('p', (n) => n)
    await bus.aWhile()
    for (const payload of [1, 2]) {
      const asked = await asker.asked({ payload })
      expect(asked.summary).toMatchObject({ replied: 1 })
    }
    expect(heard).toEqual([1, 2])
    expect(bus.faults).toEqual([fault, fault])
  })

  test('of two claims of one rank the higher number has it', async () => {
    const now = vi.spyOn(Date, 'now').mockReturnValue(1_700_000_000_000)
    const random = vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const [one, two] = [bus.connect(), bus.connect()]
    const [first, second] = [one.produce('same', () => 1).told, two.produce('same', () => 2).told]
    for (const spy of [now, random]) spy.mockRestore()
    await bus.aWhile()
    expect([first, second]).toEqual([['CAUCUS_FENCED'], ['ready']])
  })

  test('an ask that is called off before it is known who is there leaves nothing behind', async () => {
    const [asker, other] = [bus.connect(), bus.connect()]
    other.produce('p', () => 1)
    await bus.aWhile()
    asker.freeze()
    const request = { topic: 't', payload: 1, until: 'all' as const, withinMs: 10_000_000 }
    const port = asker.topics.ask(request, { answered: () => {}, finished: () => {}, failed: () => {} })
    port.abandon()
    // The question is given up meanwhile.
    await bus.clock.play(10_000)
    for (const { topics } of [asker, other]) await topics.close()
    await bus.clock.play(1)
    expect(bus.clock.pending).toBe(0)
  })

  test('an asker that crashed has its requests called off', async () => {
    const [asker, other] = [bus.connect(), bus.connect()]
    let aborted: unknown
    other.produce('p', (_request, { signal }) => {
      signal.addEventListener('abort', () => {
        aborted = signal.reason
      })
      return silent()
    })
    await bus.aWhile()
    asker.ask()
    await bus.clock.play(100)
    asker.crash()
    await bus.clock.play(2_000)
    expect(aborted).toMatchObject({ code: 'CAUCUS_CLOSED' })
  })

  test('remaining time travels, and the end of an ask aborts those who still work on it', async () => {
    const [asker, one, two] = [bus.connect(), bus.connect(), bus.connect()]
    const remaining: number[] = []
    const aborted: unknown[] = []
    one.produce('quick', (_request, { remainingMs }) => remaining.push(remainingMs))
    two.produce('slow', (_request, { signal }) => {
      signal.addEventListener('abort', () => aborted.push(signal.reason))
      return silent()
    })
    await bus.aWhile()
    const asked = await asker.asked({ until: 'first', withinMs: 400 })
    expect(asked.summary).toMatchObject({ replied: 1, released: ['slow'], ending: 'met' })
    expect(aborted).toMatchObject([{ code: 'CAUCUS_CLOSED' }])
    // The question of who is there took its part.
    expect(remaining[0]).toBeLessThan(400)
    expect(remaining[0]).toBeGreaterThan(0)
  })

  test('what an ask belongs to travels with it, and who asks', async () => {
    const [asker, other] = [bus.connect(), bus.connect()]
    const seen: unknown[] = []
    other.produce('p', (_request, { trace, from, topic }) => seen.push(trace, from, topic))
    await bus.aWhile()
    const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }
    await asker.asked({ trace })
    expect(seen).toEqual([trace, 'connection-1', 't'])
  })

  test('a server that passes nothing on keeps nobody waiting for ever', async () => {
    const asker = bus.connect()
    asker.freeze()
    const asked = asker.ask({ withinMs: 2_000 })
    const viewing = asker.topics.view('other').catch((error: unknown) => error)
    await bus.clock.play(10_000)
    expect(asked.summary).toMatchObject({ ending: 'nobody' })
    expect(await viewing).toMatchObject({ code: 'CAUCUS_TIMEOUT' })
    asker.thaw()
    bus.connect().produce('p', () => 'here')
    await bus.aWhile()
    const next = await asker.asked()
    expect(next.summary).toMatchObject({ expected: 1, replied: 1 })
  })

  test('a lost server ends asks, and has everybody back under new numbers', async () => {
    const [asker, other] = [bus.connect(), bus.connect()]
    const reasons: unknown[] = []
    const { told } = other.produce('p', (request, { signal }) => {
      if (request === 'quick') return 'here'
      signal.addEventListener('abort', () => reasons.push(signal.reason))
      return silent()
    })
    await bus.aWhile()
    const asked = asker.ask()
    await bus.clock.play(100)
    for (const each of [asker, other]) each.lose()
    expect(asked.error).toMatchObject({ code: 'CAUCUS_CONNECTION_LOST' })
    expect(asker.ask().error).toMatchObject({ code: 'CAUCUS_UNAVAILABLE' })
    await bus.clock.play(100)
    expect(reasons).toMatchObject([{ code: 'CAUCUS_CONNECTION_LOST' }])
    for (const each of [asker, other]) each.find()
    await bus.aWhile()
    expect(told).toEqual(['ready', 'lost', 'ready'])
    const next = await asker.asked({ payload: 'quick' })
    expect(next.summary).toMatchObject({ expected: 1, replied: 1 })
  })

  test('an asker that is not known any more is told who is there, and is served from then on', async () => {
    const [asker, other] = [bus.connect(), bus.connect()]
    other.produce('p', () => 'here')
    await bus.aWhile()
    await asker.asked()
    other.lose()
    // The asker hears of the new one and of nothing else: the old one is gone without a word.
    other.find()
    await bus.aWhile()
    const asked = asker.ask()
    await bus.clock.play(2_000)
    expect(asked.summary).toMatchObject({ expected: 1, replied: 1, ending: 'met' })
  })

  test('of two that take one id at the same time, one has it in the end', async () => {
    const [asker, one, two] = [bus.connect(), bus.connect(), bus.connect()]
    const [first, second] = [one.produce('same', () => 1).told, two.produce('same', () => 2).told]
    await bus.aWhile()
    expect([...first, ...second].toSorted()).toEqual(['CAUCUS_FENCED', 'ready'])
    const asked = await asker.asked()
    expect(asked.summary).toMatchObject({ expected: 1, replied: 1 })
  })

  test('what is no message of ours is ignored aloud, once a minute, and harms nobody', async () => {
    const [asker, other] = [bus.connect(), bus.connect()]
    other.produce('p', () => 'here')
    await bus.aWhile()
    for (const subject of ['test.ask.t', 'test.node.000000000001', 'test.id.t.p', 'test.who.t']) {
      for (const bytes of [[], [0], [0xca, 1], [0xca, 1, 9, 77], [0xca, 2, 1], [0xca, 1, 1, 3, 0xff]])
        bus.publish(subject, new Uint8Array(bytes))
    }
    await bus.aWhile()
    const asked = await asker.asked()
    expect(asked.summary).toMatchObject({ expected: 1, replied: 1 })
    expect(bus.warnings.map(({ code }) => code)).toEqual(['CAUCUS_PROTOCOL', 'CAUCUS_PROTOCOL'])
  })

  test('nothing is left behind', async () => {
    const [asker, other] = [bus.connect(), bus.connect()]
    other.produce('p', silent)
    await bus.aWhile()
    const asked = asker.ask()
    await bus.clock.play(100)
    await asker.topics.close()
    await other.topics.close()
    expect(asked.error).toMatchObject({ code: 'CAUCUS_CLOSED' })
    await bus.clock.play(120_000)
    expect(bus.clock.nextAt === undefined || !bus.clock.alive).toBe(true)
  })
})
