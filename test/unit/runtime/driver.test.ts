import { describe, expect, it } from 'vitest'
import type { Machine, Tick } from '../../../src/core/machine.ts'
import type { Instant } from '../../../src/core/time.ts'
import { Driver, type DriverOptions } from '../../../src/runtime/driver.ts'
import type { Completion } from '../../../src/runtime/tickets.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'

type Input =
  | { type: 'order'; effects: Effect[] }
  | { type: 'packet' }
  | { type: 'wakeAt'; at: Instant | undefined }
  | Completion
type Effect =
  | { type: 'persist'; ticket: number }
  | { type: 'send'; what: string; after?: number }
  | { type: 'post'; input: Input }
  | { type: 'close' }
  | { type: 'throw' }

/** Does what it is told, and writes down what it was told when. */
class Puppet implements Machine<Input, Effect, string[]> {
  readonly log: string[] = []
  next: Instant | undefined
  constructor(next?: Instant) {
    this.next = next
  }
  step(input: Input | Tick, now: Instant): readonly Effect[] {
    this.log.push(input.type === 'stalled' ? `stalled ${input.forMs} @${now}` : `${input.type} @${now}`)
    if (input.type === 'woke') this.next = undefined
    if (input.type === 'wakeAt') this.next = input.at
    return input.type === 'order' ? input.effects : []
  }
  wakeAt = () => this.next
  view = () => [...this.log]
}

const stage = (options: Partial<DriverOptions<Input, Effect>> & { wakeAt?: Instant } = {}) => {
  const clock = new SimulatedClock()
  const machine = new Puppet(options.wakeAt)
  const { log } = machine
  const faults: unknown[] = []
  const driver: Driver<Input, Effect> = new Driver<Input, Effect>(machine, {
    clock,
    perform: (effect, now) => {
      if (effect.type === 'send') log.push(`sent ${effect.what} @${now}`)
      if (effect.type === 'persist') log.push(`writing ${effect.ticket}`)
      if (effect.type === 'post') log.push(`posted: ${driver.post(effect.input)}`)
      if (effect.type === 'close') driver.close()
      if (effect.type === 'throw') throw new Error('the performer broke')
    },
    afterTurn: () => log.push('turn over'),
    onFault: (error) => faults.push(error),
    onDropped: (dropped) => log.push(`dropped: ${dropped.cause}`),
    ...options,
  })
  return { clock, machine, driver, log, faults }
}

const order = (...effects: Effect[]): Input => ({ type: 'order', effects })
const packet: Input = { type: 'packet' }

describe('an idle driver', () => {
  it('has stepped the input and performed its effects when post returns', () => {
    const { driver, log } = stage()
    expect(driver.post(order({ type: 'send', what: 'reply' }))).toBe(true)
    expect(log).toEqual(['order @0', 'sent reply @0', 'turn over'])
  })

  it('keeps no timer while the machine waits for nothing', () => {
    const { driver, clock } = stage()
    const guardOnly = clock.pending
    driver.post({ type: 'wakeAt', at: 70 })
    expect(clock.pending).toBe(guardOnly + 1)
    driver.post({ type: 'wakeAt', at: undefined })
    expect(clock.pending).toBe(guardOnly)
  })

  it('lets the process end, if its owner wants that', () => {
    expect(stage({ wakeAt: 10 }).clock.alive).toBe(true)
    expect(stage({ wakeAt: 10, ref: false }).clock.alive).toBe(false)
  })
})

describe('a running driver', () => {
  it('never re-enters: what an effect posts waits until the step is through', () => {
    const { driver, log } = stage()
    driver.post(order({ type: 'post', input: packet }, { type: 'send', what: 'second effect' }))
    expect(log).toEqual(['order @0', 'posted: true', 'sent second effect @0', 'packet @0', 'turn over'])
  })

  it('gives each step its own reading of the clock, and that one to all its effects', () => {
    const { driver, log, clock } = stage({ afterTurn: () => undefined })
    const slow: Effect = { type: 'post', input: order({ type: 'send', what: 'b' }) }
    const stalling = new Driver<Input, Effect>(
      {
        step: (input) => (input.type === 'order' ? input.effects : []),
        wakeAt: () => undefined,
        view: () => undefined,
      },
      {
        clock,
        perform: (effect, now) => {
          if (effect.type === 'post') stalling.post(effect.input)
          if (effect.type === 'send') log.push(`${effect.what} @${now}`)
          clock.stall(5)
        },
        onFault: (error) => expect.unreachable(String(error)),
        onDropped: () => expect.unreachable(),
      },
    )
    stalling.post(order(slow, { type: 'send', what: 'a' }))
    expect(log).toEqual(['a @0', 'b @10'])
    stalling.close()
    driver.close()
  })

  it('goes on when something is posted while the turn is being closed', () => {
    let posted = false
    const { driver, log } = stage({
      afterTurn: () => {
        if (!posted) driver.post(packet)
        posted = true
      },
    })
    driver.post(packet)
    expect(log).toEqual(['packet @0', 'packet @0'])
  })

  it('refuses what does not fit into the inbox, counts it and says so', () => {
    const { driver, log } = stage({ limit: 2 })
    const post: Effect = { type: 'post', input: packet }
    driver.post(order(post, post, post))
    const twoFit = ['posted: true', 'posted: true', 'dropped: inboxFull', 'posted: false']
    expect(log).toEqual(['order @0', ...twoFit, 'packet @0', 'packet @0', 'turn over'])
    expect(driver.dropped).toBe(1)
    expect(driver.post(packet)).toBe(true)
  })
})

describe('sends that wait for the store', () => {
  it('leave once their ticket is durable, before the machine hears of it, and hold up nothing else', () => {
    const { driver, log } = stage({ afterTurn: () => undefined })
    driver.post(
      order({ type: 'persist', ticket: 1 }, { type: 'send', what: 'vote', after: 1 }, { type: 'send', what: 'ping' }),
    )
    expect(log.splice(0)).toEqual(['order @0', 'writing 1', 'sent ping @0'])
    driver.post({ type: 'persisted', ticket: 1 })
    expect(log.splice(0)).toEqual(['sent vote @0', 'persisted @0'])
    driver.post(order({ type: 'send', what: 'same vote again', after: 1 }))
    expect(log).toEqual(['order @0', 'sent same vote again @0'])
  })

  it('wait each for its own ticket, in whatever order the writes end', () => {
    const { driver, log } = stage({ afterTurn: () => undefined })
    driver.post(order({ type: 'persist', ticket: 1 }, { type: 'send', what: 'a', after: 1 }))
    driver.post(order({ type: 'persist', ticket: 2 }, { type: 'send', what: 'b', after: 2 }))
    driver.post({ type: 'persisted', ticket: 2 })
    driver.post({ type: 'persisted', ticket: 1 })
    expect(log.filter((line) => line.startsWith('sent'))).toEqual(['sent b @0', 'sent a @0'])
  })

  it('are dropped and reported when the write fails, also those that come later; the machine is told', () => {
    const { driver, log } = stage({ afterTurn: () => undefined })
    driver.post(order({ type: 'persist', ticket: 1 }, { type: 'send', what: 'vote', after: 1 }))
    driver.post({ type: 'persistFailed', ticket: 1, error: new Error('disk full') })
    driver.post(order({ type: 'send', what: 'vote', after: 1 }))
    expect(log).toEqual([
      'order @0',
      'writing 1',
      'dropped: unsaved',
      'persistFailed @0',
      'order @0',
      'dropped: unsaved',
    ])
    expect(driver.dropped).toBe(2)
  })

  it('never break the driver, however often the store fails, and what rests on any of those writes is dropped', () => {
    const { driver, log, faults } = stage({ afterTurn: () => undefined })
    for (let ticket = 1; ticket <= 3_000; ticket++) {
      driver.post(order({ type: 'persist', ticket }))
      driver.post({ type: 'persistFailed', ticket, error: new Error('disk full') })
    }
    log.splice(0)
    for (const after of [1, 1_500, 3_000]) driver.post(order({ type: 'send', what: 'vote', after }))
    driver.post(order({ type: 'persist', ticket: 3_001 }, { type: 'send', what: 'next vote', after: 3_001 }))
    driver.post({ type: 'persisted', ticket: 3_001 })
    expect(log.filter((line) => line.startsWith('dropped'))).toEqual(Array(3).fill('dropped: unsaved'))
    expect(log).toContain('sent next vote @0')
    expect(faults).toEqual([])
  })

  it('have a bound of their own', () => {
    const { driver, log } = stage({ limit: 1, afterTurn: () => undefined })
    const send: Effect = { type: 'send', what: 'vote', after: 1 }
    driver.post(order({ type: 'persist', ticket: 1 }, send, send))
    driver.post({ type: 'persisted', ticket: 1 })
    expect(log.splice(0)).toEqual(['order @0', 'writing 1', 'dropped: storeBehind', 'sent vote @0', 'persisted @0'])
    driver.post(order({ type: 'persist', ticket: 2 }, { type: 'send', what: 'next vote', after: 2 }))
    driver.post({ type: 'persisted', ticket: 2 })
    expect(log).toContain('sent next vote @0')
  })

  it('hear of the end of a write even through a full inbox', () => {
    const { driver, log } = stage({ limit: 1, afterTurn: () => undefined })
    const post = (input: Input): Effect => ({ type: 'post', input })
    driver.post(
      order(
        { type: 'persist', ticket: 1 },
        { type: 'send', what: 'vote', after: 1 },
        post(packet),
        post({ type: 'persisted', ticket: 1 }),
      ),
    )
    expect(log).toContain('sent vote @0')
  })

  it('must not name a ticket that nobody ordered', () => {
    const { driver, faults } = stage()
    driver.post(order({ type: 'send', what: 'vote', after: 1 }, { type: 'persist', ticket: 1 }))
    expect(String(faults[0])).toContain('waits for ticket 1')
    expect(driver.post(packet)).toBe(false)
  })
})

describe('waking', () => {
  it('comes at the instant the machine asked for, also when that has moved', () => {
    const { driver, log, clock } = stage({ wakeAt: 30, afterTurn: () => undefined })
    driver.post({ type: 'wakeAt', at: 60 })
    clock.advance(59)
    expect(log).toEqual(['wakeAt @0'])
    driver.post({ type: 'wakeAt', at: 59.5 })
    clock.advance(10)
    expect(log).toEqual(['wakeAt @0', 'wakeAt @59', 'woke @59.5'])
  })

  it('follows the packets that were waiting, and does not come at all if they made it needless', () => {
    const { driver, log, clock } = stage({ wakeAt: 30, afterTurn: () => undefined })
    clock.stall(30)
    clock.deliver(() => driver.post(packet))
    clock.advance()
    expect(log.splice(0)).toEqual(['packet @30', 'woke @30'])

    driver.post({ type: 'wakeAt', at: 40 })
    clock.stall(10)
    clock.deliver(() => driver.post({ type: 'wakeAt', at: 90 }))
    clock.advance(10)
    expect(log.splice(0)).toEqual(['wakeAt @30', 'wakeAt @40'])
    clock.advance(100)
    expect(log).toEqual(['woke @90'])
  })

  it('needs no second timer while its turn is still to come', () => {
    const { driver, clock } = stage({ wakeAt: 30 })
    const asleep = clock.pending
    clock.stall(30)
    clock.deliver(() => {
      driver.post(packet)
      expect(clock.pending).toBe(asleep)
    })
    clock.advance()
  })

  it('after a stall: packets are read, then the stall is told, then somebody may be judged', () => {
    const { driver, log, clock } = stage({ wakeAt: 30, afterTurn: () => undefined })
    clock.stall(5_000)
    clock.deliver(() => driver.post(packet))
    clock.advance()
    expect(log).toEqual(['packet @5000', 'stalled 4950 @5000', 'woke @5000'])
  })

  it('a stall within that very turn is told as well, after one turn more', () => {
    const { driver, log, clock } = stage({ wakeAt: 30, afterTurn: () => undefined })
    clock.advance(29)
    clock.stall(1)
    clock.deliver(() => {
      clock.stall(1_000)
      clock.deliver(() => driver.post(packet))
    })
    clock.advance()
    expect(log).toEqual(['packet @1030', 'stalled 980 @1030', 'woke @1030'])
  })

  it('a loop that stalls in every turn still gets to its heartbeats', () => {
    const { log, clock } = stage({ wakeAt: 30, afterTurn: () => undefined })
    let turns = 0
    const block = () => {
      clock.stall(500)
      if (++turns < 10) clock.deliver(block)
    }
    clock.deliver(block)
    clock.advance()
    const woke = log.indexOf('woke @1500')
    const toldMs = log.slice(0, woke).reduce((sum, line) => sum + Number(line.match(/^stalled (\d+)/)?.[1] ?? 0), 0)
    expect(woke).toBeGreaterThan(0)
    // Three stalls of 500, each at most one period of the guard less.
    expect(toldMs).toBeGreaterThanOrEqual(3 * 450)
    expect(turns).toBe(10)
  })
})

describe('a fault', () => {
  it('stops the driver, says so once, and leaves no timer', () => {
    for (const broken of ['step', 'wakeAt'] as const) {
      const { driver, machine, faults, clock } = stage({ wakeAt: 50 })
      machine[broken] = () => {
        throw new Error('invariant broken')
      }
      driver.post(packet)
      expect(faults.map(String)).toEqual(['Error: invariant broken'])
      expect(driver.post(packet)).toBe(false)
      expect(clock.pending).toBe(0)
    }
  })

  it('in an effect keeps those behind it from being performed', () => {
    const { driver, log, faults } = stage()
    driver.post(order({ type: 'throw' }, { type: 'send', what: 'too late' }))
    expect(faults.map(String)).toEqual(['Error: the performer broke'])
    expect(log).toEqual(['order @0'])
  })

  it('while waking stops it too', () => {
    const { machine, faults, clock } = stage({ wakeAt: 50 })
    machine.wakeAt = () => {
      throw new Error('invariant broken')
    }
    clock.advance(50)
    expect(faults).toHaveLength(1)
    expect(clock.pending).toBe(0)
  })
})

describe('closing', () => {
  it('leaves no timer, refuses what comes later, and may be repeated', () => {
    const { driver, log, clock } = stage({ wakeAt: 50 })
    driver.close()
    driver.close()
    driver[Symbol.dispose]()
    expect(clock.pending).toBe(0)
    expect(driver.post(packet)).toBe(false)
    clock.advance(100)
    expect(log).toEqual([])
  })

  it('in an effect ends the step there', () => {
    const { driver, log, clock } = stage()
    driver.post(order({ type: 'post', input: packet }, { type: 'close' }, { type: 'send', what: 'too late' }))
    expect(log).toEqual(['order @0', 'posted: true'])
    expect(clock.pending).toBe(0)
  })

  it('forgets the inputs that were taken together with the one that closed it', () => {
    const { driver, log } = stage()
    const post = (input: Input): Effect => ({ type: 'post', input })
    driver.post(order(post(order({ type: 'close' })), post(packet)))
    expect(log).toEqual(['order @0', 'posted: true', 'posted: true', 'order @0'])
  })

  it('between its timer and its turn takes the turn back', () => {
    const { driver, log, clock } = stage({ wakeAt: 30 })
    clock.stall(30)
    clock.deliver(() => {
      driver.close()
      expect(clock.pending).toBe(0)
    })
    clock.advance(10)
    expect(log).toEqual([])
  })
})
