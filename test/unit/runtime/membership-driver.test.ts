import { beforeEach, describe, expect, test } from 'vitest'
import type {
  CoordinatorMessage,
  Holding,
  MemberMessage,
  Renew,
  ShareMessage,
} from '../../../src/core/group/messages.ts'
import type { MembershipListener } from '../../../src/ports/backend.ts'
import type { LinkSink } from '../../../src/ports/link.ts'
import { MembershipDriver } from '../../../src/runtime/membership-driver.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'

const LEASE_MS = 1_000

/** A server in the hands of the test. */
class Far {
  readonly frames: (readonly MemberMessage[])[] = []
  sink!: LinkSink
  rejected = 0
  closed = false

  readonly open = (sink: LinkSink) => {
    this.sink = sink
    return {
      send: (messages: readonly MemberMessage[]) => void this.frames.push(messages),
      reject: () => void this.rejected++,
      close: async () => {
        this.closed = true
      },
    }
  }

  hello(instanceId = 'i', generation = 1) {
    this.sink.opened({ type: 'hello', protocol: 1, clusterId: 'c', instanceId, generation })
  }

  /** Answers the last renewal of a member. */
  answer(member: string, holding: Holding[] = [], revoked: Holding[] = [], order = 1) {
    const renewals = this.frames.flat().filter((each): each is Renew => each.type === 'renew' && each.member === member)
    const { group, bootId, sequence } = renewals.at(-1) as Renew
    const share: ShareMessage = {
      type: 'share',
      group,
      member,
      bootId,
      generation: 1,
      incarnation: 10,
      sequence,
      order,
      state: 'settled',
      epoch: 11,
      leaseMs: LEASE_MS,
      members: 1,
      share: { partitions: 4 },
      holding,
      revoked,
    }
    this.sink.received([share])
  }

  get said(): string[][] {
    return this.frames.map((messages) => messages.map(({ type, member }) => `${type} ${member}`))
  }
}

class Heard implements MembershipListener {
  readonly told: string[] = []
  changed = () => {}
  granted = (items: readonly Holding[]) => void this.told.push(`granted ${items.map(({ item }) => item)}`)
  drain = (items: readonly Holding[]) => void this.told.push(`drain ${items.map(({ item }) => item)}`)
  lost = (items: readonly Holding[], because: string) =>
    void this.told.push(`lost ${items.map(({ item }) => item)} ${because}`)
  refused = (error: { code: string }) => void this.told.push(`refused ${error.code}`)
  ended = (error: { code: string } | undefined) => void this.told.push(`ended ${error?.code}`)
}

let clock: SimulatedClock
let far: Far
let driver: MembershipDriver
const join = (member: string, heard: MembershipListener = new Heard()) =>
  driver.join({ group: 'g', member, bootId: `boot-${member}`, heartbeatMs: 200, stopMarginMs: 50 }, heard)
const last = () => far.said.at(-1)
const refusal = (member: string, code: 'CAUCUS_FENCED' | 'CAUCUS_OVERLOADED'): CoordinatorMessage => ({
  type: 'refused',
  group: 'g',
  member,
  bootId: `boot-${member}`,
  code,
  message: 'no',
})

beforeEach(() => {
  clock = new SimulatedClock(1_000)
  far = new Far()
  driver = new MembershipDriver({ clock: clock.holder, open: far.open })
})

describe('the memberships of one connection', () => {
  test('say nothing before the hello, join together after it, and renew in one frame', () => {
    join('a')
    join('b')
    clock.advance(500)
    expect(far.frames).toEqual([])
    far.hello()
    expect(far.said).toEqual([['renew a', 'renew b']])
    join('c')
    expect(last()).toEqual(['renew c'])
    clock.advance(200)
    expect(far.said.slice(2)).toEqual([['renew a', 'renew b', 'renew c']])
  })

  test('are told what is theirs, and believe it no longer than their lease', () => {
    const heard = new Heard()
    const a = join('a', heard)
    far.hello()
    far.answer('a', [{ item: 2, epoch: 12 }])
    expect([a.holds(2)?.epoch, driver.holds]).toEqual([12, true])
    far.sink.closed('gone')
    // The loop stands still, so nobody has noticed anything.
    clock.stall(LEASE_MS)
    expect(a.holds(2)).toBeUndefined()
    clock.advance(0)
    expect(heard.told).toEqual(['granted 2', 'lost 2 lapsed'])
    expect(driver.holds).toBe(false)
  })

  test('claim what they hold when the link is back, and go on', () => {
    const a = join('a')
    far.hello()
    far.answer('a', [{ item: 2, epoch: 12 }])
    far.sink.closed('gone')
    clock.advance(300)
    expect(far.frames).toHaveLength(1)
    far.hello()
    expect(far.frames.at(-1)).toMatchObject([{ type: 'renew', incarnation: 10, holding: [{ item: 2, epoch: 12 }] }])
    expect(a.holds(2)).toBeDefined()
  })

  test('leave a server that is another one for all of them, as long as one holds something', () => {
    join('a')
    const b = join('b')
    far.hello()
    far.answer('b', [{ item: 2, epoch: 12 }])
    far.sink.closed('gone')
    far.hello('other')
    expect([far.rejected, far.frames.length]).toEqual([1, 1])
    expect(b.holds(2)).toBeDefined()
    clock.advance(LEASE_MS)
    far.hello('other')
    expect([far.rejected, last()]).toEqual([1, ['renew a', 'renew b']])
  })

  test('that fenced is over, and says that it has dropped everything', () => {
    const heard = new Heard()
    const a = join('a', heard)
    far.hello()
    far.answer('a', [{ item: 2, epoch: 12 }])
    far.sink.received([refusal('a', 'CAUCUS_FENCED')])
    expect(heard.told.slice(1)).toEqual(['lost 2 fenced', 'refused CAUCUS_FENCED', 'ended CAUCUS_FENCED'])
    expect([a.holds(2), last()]).toEqual([undefined, ['leave a']])
    clock.advance(5_000)
    expect(far.frames).toHaveLength(2)
  })

  test('that is refused for now tries again', () => {
    const heard = new Heard()
    join('a', heard)
    far.hello()
    far.sink.received([refusal('a', 'CAUCUS_OVERLOADED')])
    clock.advance(200)
    expect([heard.told, far.said]).toEqual([['refused CAUCUS_OVERLOADED'], [['renew a'], ['renew a']]])
  })
})

describe('leaving', () => {
  const member = () => {
    const heard = new Heard()
    const a = join('a', heard)
    far.hello()
    far.answer('a', [{ item: 2, epoch: 12 }])
    return { heard, a }
  }

  test('drains first, then says so, and ends when it is heard', async () => {
    const { heard, a } = member()
    const left = a.leave({ limitMs: 1_000 })
    expect([heard.told.at(-1), a.holds(2)]).toEqual(['drain 2', undefined])
    expect(last()).toEqual(['renew a'])
    a.drained([{ item: 2, epoch: 12 }])
    expect(last()).toEqual(['leave a'])
    far.sink.received([{ type: 'left', group: 'g', member: 'a', bootId: 'boot-a' }])
    await left
    expect(heard.told.at(-1)).toBe('ended undefined')
    await driver.close()
    expect(clock.pending).toBe(0)
  })

  test('waits for nobody who is not there', async () => {
    const { heard, a } = member()
    far.sink.closed('gone')
    const left = a.leave({ limitMs: 100 })
    a.drained([{ item: 2, epoch: 12 }])
    clock.advance(99)
    expect(heard.told).not.toContain('ended undefined')
    clock.advance(1)
    await left
  })

  test('lets a drain go on no longer than the lease', async () => {
    const { heard, a } = member()
    far.sink.closed('gone')
    const left = a.leave({ limitMs: 0 })
    clock.advance(LEASE_MS)
    await left
    expect(heard.told.slice(1)).toEqual(['drain 2', 'lost 2 lapsed', 'ended undefined'])
  })

  test('by close takes no time, and drops everything before it says so', () => {
    const { heard, a } = member()
    a.close()
    expect([a.holds(2), last(), heard.told.at(-1)]).toEqual([undefined, ['renew a', 'leave a'], 'ended undefined'])
    clock.advance(5_000)
    expect(far.frames).toHaveLength(2)
  })

  test('by close before the join was answered leaves as soon as it is', () => {
    const heard = new Heard()
    const a = join('a', heard)
    far.hello()
    a.close()
    expect([heard.told, last()]).toEqual([['ended undefined'], ['renew a']])
    far.answer('a', [{ item: 2, epoch: 12 }])
    expect([a.holds(2), last(), heard.told]).toEqual([undefined, ['renew a', 'leave a'], ['ended undefined']])
  })

  test('by the end of the connection waits for the answer to a join, and leaves then', async () => {
    join('a')
    far.hello()
    const closed = driver.close()
    expect([last(), far.closed]).toEqual([['renew a'], false])
    far.answer('a', [{ item: 2, epoch: 12 }])
    await closed
    expect([last(), far.closed, clock.pending]).toEqual([['renew a', 'leave a'], true, 0])
  })

  test('by the end of the connection waits for no answer after a second, nor after the link is lost', async () => {
    join('a')
    far.hello()
    const closed = driver.close()
    clock.advance(999)
    await Promise.resolve()
    expect(far.closed).toBe(false)
    clock.advance(1)
    await closed
    expect([last(), clock.pending]).toEqual([['renew a'], 0])
    const other = new MembershipDriver({ clock: clock.holder, open: far.open })
    other.join({ group: 'g', member: 'b', bootId: 'b', heartbeatMs: 200, stopMarginMs: 50 }, new Heard())
    far.hello()
    const ended = other.close()
    far.sink.closed('gone')
    await ended
    expect(clock.pending).toBe(0)
  })

  test('by close before the join was answered joins no other server', () => {
    join('a').close()
    far.hello()
    expect(far.frames).toEqual([])
    join('b').close()
    expect(last()).toEqual(['renew b'])
    far.sink.closed('gone')
    far.hello()
    expect(far.frames).toHaveLength(1)
  })
})

test('a fault ends every membership and the link, and whoever joins after it is told', async () => {
  const heard = new Heard()
  heard.granted = () => {
    throw new Error('broken')
  }
  const a = join('a', heard)
  far.hello()
  far.answer('a', [{ item: 2, epoch: 12 }])
  expect([heard.told, a.holds(2), far.closed]).toEqual([['ended CAUCUS_BACKEND'], undefined, true])
  expect(() => join('b')).toThrow(expect.objectContaining({ code: 'CAUCUS_BACKEND' }))
  await driver.close()
  expect(clock.pending).toBe(0)
})

test('a join that could not be taken in says so', () => {
  const heard = new Heard()
  const a = join('a', heard)
  heard.changed = () => {
    for (let each = 0; each < 10_000; each++) a.setMetadata(each)
    heard.changed = () => {}
    expect(() => join('b')).toThrow(expect.objectContaining({ code: 'CAUCUS_OVERLOADED' }))
    heard.told.push('checked')
  }
  far.hello()
  far.answer('a')
  expect(heard.told).toEqual(['checked'])
})

test('closing lets go of everything, says so, and leaves no timer', async () => {
  const [a, b] = [new Heard(), new Heard()]
  join('a', a)
  join('b', b)
  far.hello()
  far.answer('a', [{ item: 2, epoch: 12 }])
  const closed = Promise.all([driver.close(), driver.close()])
  expect([a.told.at(-1), b.told.at(-1), last()]).toEqual(['ended undefined', 'ended undefined', ['renew a', 'leave a']])
  far.answer('b')
  await closed
  expect([last(), far.closed]).toEqual([['leave b'], true])
  expect(clock.pending).toBe(0)
  expect(() => join('c')).toThrow('closed')
})
