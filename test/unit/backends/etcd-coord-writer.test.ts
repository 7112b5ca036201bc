import { setImmediate } from 'node:timers'
import { describe, expect, test } from 'vitest'
import type { Transaction } from '../../../src/backends/etcd/engine.ts'
import { GuardedWriter } from '../../../src/backends/etcd/guarded-writer.ts'
import { Keys } from '../../../src/backends/etcd/keys.ts'
import { seededRandom } from '../../../src/core/random.ts'
import { CaucusError } from '../../../src/errors.ts'
import { type SimulatedEngine, SimulatedEtcd } from '../../../src/testing/etcd/engine.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'

const WRITE_MS = 1_000

/** One that was elected, and writes. */
class Desk {
  readonly clock = new SimulatedClock(1_000)
  readonly commits: string[][] = []
  readonly etcd = new SimulatedEtcd({
    clock: this.clock,
    requestMs: 300,
    onCommit: ({ changes }) =>
      void this.commits.push(changes.map((change) => (change.type === 'put' ? change.entry.key : `-${change.key}`))),
  })
  readonly keys = new Keys('')
  readonly engine: SimulatedEngine = this.etcd.engine('writer')
  readonly lease = this.etcd.store.grant(60, 0).lease
  readonly ends: CaucusError[] = []
  readonly faults: unknown[] = []
  readonly writer: GuardedWriter

  constructor() {
    const { store } = this.etcd
    const put = { type: 'put', key: this.keys.coordinator, value: 'me', lease: this.lease } as const
    const { revision } = store.transact({ then: [put] })
    const random = seededRandom(1)
    this.writer = new GuardedWriter({
      engine: this.engine,
      keys: this.keys,
      clock: this.clock,
      random: () => random.next(),
      elected: revision,
      turn: 0,
      name: 'w',
      writeMs: WRITE_MS,
      wrote: () => undefined,
      ended: (reason) => this.ends.push(reason),
      onFault: (error) => this.faults.push(error),
    })
  }

  tell(key: string, text: () => string, since = this.clock.now()): void {
    this.writer.tell(key, text, since)
  }

  async play(ms = 0): Promise<void> {
    // What was told in this turn is on its way first.
    await new Promise<void>((resume) => setImmediate(resume))
    await this.clock.play(ms)
  }

  text(key: string): string | undefined {
    return this.etcd.store.list(key).find((entry) => entry.key === key)?.value
  }

  /** What goes wrong with calls from now on, until it is called. */
  with(faults: Partial<SimulatedEngine['faults']>): () => void {
    const before = { ...this.engine.faults }
    Object.assign(this.engine.faults, faults)
    return () => void Object.assign(this.engine.faults, before)
  }
}

describe('what a coordinator writes', () => {
  test('in one turn of the loop travels together, the last word for each key', async () => {
    const desk = new Desk()
    desk.tell('a', () => '1')
    desk.tell('b', () => '1')
    desk.tell('a', () => '2')
    desk.writer.put('c', () => '1')
    await desk.play(10)
    expect(desk.commits.slice(1)).toEqual([['a', 'b', 'c', 'turn']])
    expect(desk.text('a')).toBe('2')
  })

  test('goes out in transactions of as much as etcd takes, one after the other', async () => {
    const desk = new Desk()
    for (let number = 0; number < 300; number++) desk.tell(`key-${number}`, () => 'x')
    for (let number = 0; number < 9; number++) desk.writer.put(`long-${number}`, () => 'x'.repeat(400_000))
    await desk.play(200)
    expect(Math.max(...desk.commits.map(({ length }) => length))).toBeLessThanOrEqual(128)
    expect(desk.commits.flat().filter((key) => key.startsWith('key-'))).toHaveLength(300)
    const long = desk.commits.map((keys) => keys.filter((key) => key.startsWith('long-')).length)
    expect(Math.max(...long)).toBeLessThanOrEqual(2)
    expect(long.reduce((sum, count) => sum + count)).toBe(9)
  })

  test('what may wait is not kept waiting for ever by what may not', async () => {
    const desk = new Desk()
    desk.writer.put('patient', () => 'x')
    for (let number = 0; number < 1_000; number++) desk.tell(`key-${number}`, () => 'x')
    await desk.play(3)
    expect(desk.text('patient')).toBe('x')
  })

  test('is taken back where it was not written yet', async () => {
    const desk = new Desk()
    desk.tell('a', () => '1')
    desk.writer.delete('a')
    await desk.play(10)
    expect(desk.text('a')).toBeUndefined()
    desk.tell('a', () => '2')
    await desk.play(10)
    expect(desk.text('a')).toBe('2')
  })

  test('a save is resolved once it is there', async () => {
    const desk = new Desk()
    let saved = false
    void desk.writer.save([{ type: 'put', key: 'foundation', value: 'f' }]).then(() => {
      saved = true
    })
    expect(saved).toBe(false)
    await desk.play(10)
    expect([saved, desk.text('foundation')]).toEqual([true, 'f'])
  })
})

describe('when an answer is lost', () => {
  test('what was carried out is found in the turn, and the rest goes on', async () => {
    const desk = new Desk()
    const lift = desk.with({ answerLost: 1 })
    desk.tell('a', () => '1')
    await desk.play(100)
    expect(desk.text('a')).toBe('1')
    lift()
    desk.tell('b', () => '1')
    await desk.play(1_000)
    expect(desk.text('b')).toBe('1')
    expect(desk.ends).toEqual([])
    expect(desk.writer.isInTime).toBe(true)
  })

  test('what was never carried out is written again, unless there is something newer', async () => {
    const desk = new Desk()
    const lift = desk.with({ requestLost: 1 })
    desk.tell('a', () => '1')
    desk.writer.put('c', () => '1')
    let saved = false
    void desk.writer.save([{ type: 'put', key: 'foundation', value: 'f' }]).then(() => {
      saved = true
    })
    await desk.play(100)
    desk.tell('a', () => '2')
    lift()
    await desk.play(500)
    expect([desk.text('a'), desk.text('c'), desk.text('foundation'), saved]).toEqual(['2', '1', 'f', true])
    expect(desk.ends).toEqual([])
  })

  test('what arrives after a later one was carried out changes nothing', async () => {
    const desk = new Desk()
    const lift = desk.with({ late: 1, lateMs: 5_000 })
    desk.tell('a', () => '1')
    await desk.play(10)
    lift()
    desk.tell('a', () => '2')
    await desk.play(800)
    expect(desk.text('a')).toBe('2')
    const { revision } = desk.etcd.store
    await desk.play(10_000)
    expect(desk.etcd.store.revision).toBe(revision)
    expect(desk.text('a')).toBe('2')
    expect(desk.ends).toEqual([])
  })
})

describe('nothing is written any more', () => {
  test('once somebody else was elected, whatever the watch says', async () => {
    const desk = new Desk()
    desk.etcd.expire(desk.lease)
    desk.etcd.store.transact({ then: [{ type: 'put', key: desk.keys.coordinator, value: 'another' }] })
    desk.tell('a', () => '1')
    const saving = expect(desk.writer.save([{ type: 'put', key: 'foundation', value: 'f' }])).rejects.toMatchObject({
      code: 'CAUCUS_NOT_LEADER',
    })
    await desk.play(100)
    await saving
    expect(desk.text('a')).toBeUndefined()
    expect(desk.ends.map(({ code }) => code)).toEqual(['CAUCUS_NOT_LEADER'])
    expect(desk.writer.isInTime).toBe(false)
    expect(desk.clock.pending).toBe(0)
  })

  test('when its lease is gone as it writes with it', async () => {
    const desk = new Desk()
    desk.etcd.expire(desk.lease)
    const operation = { type: 'put', key: desk.keys.coordinator, value: 'me', lease: desk.lease } as const
    const saving = expect(desk.writer.save([operation])).rejects.toMatchObject({ code: 'CAUCUS_NOT_LEADER' })
    await desk.play(100)
    await saving
    expect(desk.ends).toHaveLength(1)
  })

  test('when somebody else writes its turn', async () => {
    const desk = new Desk()
    desk.etcd.store.transact({ then: [{ type: 'put', key: desk.keys.turn, value: 'vandal' }] })
    desk.tell('a', () => '1')
    await desk.play(100)
    expect(desk.ends.map(({ code }) => code)).toEqual(['CAUCUS_CONFLICT'])
    expect(desk.text('a')).toBeUndefined()
  })

  test('after something was not known for too long: nothing may be decided from that moment on', async () => {
    const desk = new Desk()
    desk.engine.cutOff()
    desk.tell('a', () => '1')
    await desk.play(500)
    desk.tell('a', () => '2')
    desk.tell('b', () => '2')
    await desk.play(WRITE_MS - 501)
    expect([desk.writer.isInTime, desk.ends]).toEqual([true, []])
    await desk.play(1)
    expect(desk.writer.isInTime).toBe(false)
    expect(desk.ends.map(({ code }) => code)).toEqual(['CAUCUS_TIMEOUT'])
    await desk.play(1_000)
    expect([desk.clock.pending, desk.engine.pending]).toEqual([0, 0])
  })

  test('and its time runs from when it was decided, though this process stood still before it could say so', async () => {
    const desk = new Desk()
    const decidedAt = desk.clock.now()
    desk.clock.stall(WRITE_MS)
    desk.tell('a', () => '1', decidedAt)
    expect(desk.writer.isInTime).toBe(false)
  })

  test('but what is patient may wait for as long as it takes', async () => {
    const desk = new Desk()
    const lift = desk.engine.cutOff()
    desk.writer.put('a', () => '1')
    await desk.play(20_000)
    expect(desk.ends).toEqual([])
    lift()
    await desk.play(1_000)
    expect(desk.text('a')).toBe('1')
  })

  test('and an answer that arrived while this process stood still is read before it is judged', async () => {
    const desk = new Desk()
    const elsewhere = new SimulatedClock()
    const answered: Transaction[] = []
    desk.engine.transact = (transaction) =>
      new Promise((resolve) => {
        answered.push(transaction)
        elsewhere.setTimer(10, () => desk.clock.deliver(() => resolve({ held: true, revision: 9, found: [] })))
      })
    desk.tell('a', () => '1')
    await desk.play()
    elsewhere.advance(10)
    desk.clock.stall(5_000)
    await desk.play(10)
    expect(answered).toHaveLength(1)
    expect(desk.ends).toEqual([])
  })

  test('what etcd will never take is given up, where somebody waits for it', async () => {
    const desk = new Desk()
    desk.engine.transact = async () => {
      throw new CaucusError('CAUCUS_TOO_LARGE', 'etcd takes no request of that size')
    }
    const refused = expect(desk.writer.save([{ type: 'put', key: 'foundation', value: 'f' }])).rejects.toMatchObject({
      code: 'CAUCUS_TOO_LARGE',
    })
    await desk.play(100)
    await refused
    expect(desk.ends).toEqual([])
  })

  test('an etcd that takes less at once is given less, and only what it will never take is left out', async () => {
    const desk = new Desk()
    const transact = desk.engine.transact.bind(desk.engine)
    desk.engine.transact = async (transaction) => {
      const bytes = transaction.then.reduce((sum, each) => sum + (each.type === 'put' ? each.value.length : 0), 0)
      if (bytes > 2_000) throw new CaucusError('CAUCUS_TOO_LARGE', 'etcd refused a transaction: request is too large')
      return transact(transaction)
    }
    const keys = Array.from({ length: 40 }, (_, place) => `share-${place}`)
    for (const key of keys) desk.tell(key, () => 'x'.repeat(500))
    desk.writer.put('head', () => 'x'.repeat(5_000))
    desk.writer.put('events', () => 'e')
    await desk.play(WRITE_MS)
    expect(keys.filter((key) => desk.text(key) === undefined)).toEqual([])
    expect(desk.text('events')).toBe('e')
    expect(desk.text('head')).toBeUndefined()
    expect(desk.ends).toEqual([])
    expect(desk.clock.pending).toBe(desk.etcd.pending)
  })

  test('and what must be known in time is not left out: its coordination ends, and says why', async () => {
    const desk = new Desk()
    desk.engine.transact = async () => {
      throw new CaucusError('CAUCUS_TOO_LARGE', 'etcd refused a transaction: request is too large')
    }
    desk.tell('share', () => 'x')
    await desk.play(2 * WRITE_MS)
    expect(desk.ends).toMatchObject([
      { code: 'CAUCUS_TIMEOUT', message: expect.stringMatching(/request is too large/) },
    ])
  })

  test('and a fault of ours is no trouble with etcd', async () => {
    const desk = new Desk()
    desk.tell('a', () => {
      throw new Error('broken invariant')
    })
    await desk.play(10)
    expect(desk.faults).toEqual([new Error('broken invariant')])
    expect(desk.writer.isInTime).toBe(false)
    expect(desk.clock.pending).toBe(0)
  })
})
