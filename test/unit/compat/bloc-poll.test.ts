import { beforeEach, describe, expect, test } from 'vitest'
import type { BlocWire } from '../../../src/compat/bloc-http.ts'
import { BlocPoll } from '../../../src/compat/bloc-poll.ts'
import type { Reply } from '../../../src/compat/bloc-reply.ts'
import { CaucusError } from '../../../src/errors.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'

const INTERVAL = 1_000

interface Sent {
  readonly line: string
  readonly at: number
  readonly signal: AbortSignal
  answer(body: object, headers?: Record<string, string>): void
  fail(): void
}

/** A wire whose other end is the test: requests wait until it answers them, and their answers arrive with the next poll of the loop. */
class Wire implements BlocWire {
  readonly sent: Sent[] = []
  isClosed = false
  readonly #clock: SimulatedClock

  constructor(clock: SimulatedClock) {
    this.#clock = clock
  }

  request(method: string, path: string, signal: AbortSignal): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const fail = () => this.#clock.deliver(() => reject(new CaucusError('CAUCUS_CONNECTION_LOST', 'lost')))
      signal.addEventListener('abort', fail)
      this.sent.push({
        line: `${method} ${path}`,
        at: this.#clock.now(),
        signal,
        fail,
        answer: (body, headers = {}) =>
          this.#clock.deliver(() => resolve({ status: 200, headers, body: JSON.stringify(body) })),
      })
    })
  }

  close(): void {
    this.isClosed = true
  }

  get last(): Sent {
    const last = this.sent.at(-1)
    if (last === undefined) throw new Error('nothing was sent')
    return last
  }
}

const first = { status: 'SETTLED', index: 1, total: 3 }
const second = { status: 'SETTLED', index: 2, total: 2 }
const settling = { status: 'SETTLING' }
const lease = (ms: number) => ({ 'caucus-lease-ms': String(ms) })

let clock: SimulatedClock
let wire: Wire
let errors: string[]
let poll: BlocPoll

beforeEach(() => {
  clock = new SimulatedClock(5_000)
  wire = new Wire(clock)
  errors = []
  poll = new BlocPoll({
    wire,
    intervalMs: INTERVAL,
    clock: clock.holder,
    onError: ({ code }) => errors.push(code),
  })
  poll.begin()
})

describe('a member on the wire of bloc', () => {
  test('knows nothing before it was told, and then its slot', async () => {
    expect(wire.last.line).toBe('GET /index')
    expect(poll.read()).toBeNull()
    wire.last.answer(settling)
    await clock.play()
    expect(poll.read()).toBeNull()

    await clock.play(INTERVAL)
    wire.last.answer(first)
    await clock.play()
    expect(poll.read()).toEqual([1, 3])
    expect(errors).toEqual([])
  })

  test('polls at its interval, one poll at a time, and keeps its slot from one to the next', async () => {
    for (let round = 0; round < 5; round++) {
      await clock.play(100)
      wire.last.answer(first, lease(3_000))
      await clock.play(INTERVAL - 100)
      expect(poll.read()).toEqual([1, 3])
    }
    expect(wire.sent.map(({ at }) => at - 5_000)).toEqual([0, 1_000, 2_000, 3_000, 4_000, 5_000])
  })

  test('drops its slot when the group settles again', async () => {
    wire.last.answer(first, lease(3_000))
    await clock.play(INTERVAL)
    wire.last.answer(settling)
    await clock.play()
    expect(poll.read()).toBeNull()
  })

  test('drops its slot after an error, and takes the next one that it is told', async () => {
    wire.last.answer(first, lease(3_000))
    await clock.play(INTERVAL)
    wire.last.fail()
    await clock.play()
    expect(poll.read()).toBeNull()
    expect(errors).toEqual(['CAUCUS_CONNECTION_LOST'])

    await clock.play(INTERVAL)
    wire.last.answer(second, lease(3_000))
    await clock.play()
    expect(poll.read()).toEqual([2, 2])
  })

  test('drops its slot after an answer that makes no sense', async () => {
    wire.last.answer(first, lease(3_000))
    await clock.play(INTERVAL)
    wire.last.answer({ status: 'SETTLED', index: 4, total: 3 }, lease(3_000))
    await clock.play()
    expect(poll.read()).toBeNull()
    expect(errors).toEqual(['CAUCUS_PROTOCOL'])
  })

  test('drops its slot when a poll has waited for a whole interval, and gives that poll up', async () => {
    wire.last.answer(first, lease(60_000))
    await clock.play(INTERVAL)
    const lost = wire.last
    await clock.play(INTERVAL - 1)
    expect(poll.read()).toEqual([1, 3])
    await clock.play(1)
    expect(poll.read()).toBeNull()
    expect(lost.signal.aborted).toBe(true)
    expect(wire.last).not.toBe(lost)
    expect(errors).toEqual(['CAUCUS_TIMEOUT'])
  })

  test('is not moved by the answer to an older poll', async () => {
    const old = wire.last
    await clock.play(INTERVAL)
    wire.last.answer(second, lease(3_000))
    await clock.play()
    old.answer(first, lease(3_000))
    await clock.play()
    expect(poll.read()).toEqual([2, 2])

    await clock.play(INTERVAL)
    wire.last.answer(settling)
    old.answer(first, lease(3_000))
    await clock.play()
    expect(poll.read()).toBeNull()
  })
})

describe('its lease', () => {
  test('counts from the send of the poll, however late the answer came', async () => {
    await clock.play(900)
    wire.last.answer(first, lease(950))
    await clock.play(49)
    expect(poll.read()).toEqual([1, 3])
    await clock.play(1)
    expect(poll.read()).toBeNull()
  })

  test('may be over before the answer comes', async () => {
    await clock.play(500)
    wire.last.answer(first, lease(400))
    await clock.play()
    expect(poll.read()).toBeNull()
  })

  test('is two intervals from a server that says nothing of leases', async () => {
    wire.last.answer(first)
    await clock.play(INTERVAL)
    clock.stall(INTERVAL - 1)
    expect(poll.read()).toEqual([1, 3])
    clock.stall(1)
    expect(poll.read()).toBeNull()
  })
})

describe('a process that stood still', () => {
  beforeEach(async () => {
    wire.last.answer(first, lease(60_000))
    await clock.play()
  })

  test('says nothing when it wakes, before any of its timers has run', async () => {
    clock.stall(4_000)
    expect(poll.read()).toBeNull()
    await clock.play()
    expect(poll.read()).toBeNull()
    wire.last.answer(second, lease(60_000))
    await clock.play()
    expect(poll.read()).toEqual([2, 2])
  })

  test('says nothing when the whole machine slept, and the monotonic clock with it', () => {
    clock.suspend(4_000)
    expect(poll.read()).toBeNull()
  })

  test('says nothing when it stood still with a poll under way', async () => {
    await clock.play(INTERVAL)
    clock.stall(INTERVAL)
    expect(poll.read()).toBeNull()
  })

  test('that was only busy keeps its slot: a poll is a little late', async () => {
    clock.stall(INTERVAL + 200)
    expect(poll.read()).toEqual([1, 3])
  })

  test('does not believe again what it had said nothing of, before it was told anew', async () => {
    clock.stall(4_000)
    await clock.play(INTERVAL - 1)
    expect(wire.sent).toHaveLength(2)
    expect(poll.read()).toBeNull()
  })

  test('asks anew when it wakes, rather than take an answer that waited for it', async () => {
    await clock.play(INTERVAL)
    const waiting = wire.last
    clock.stall(INTERVAL + 500)
    waiting.answer(second, lease(60_000))
    await clock.play()
    expect(poll.read()).toBeNull()
    wire.last.answer(settling)
    await clock.play()
    expect(poll.read()).toBeNull()
  })
})

describe('a member that stops', () => {
  const ended = async (stop: Promise<void>) => {
    let isOver = false
    void stop.then(() => {
      isOver = true
    })
    await clock.play()
    return isOver
  }

  beforeEach(async () => {
    wire.last.answer(first, lease(60_000))
    await clock.play()
  })

  test('has no slot from that call on, leaves, and leaves nothing behind', async () => {
    const stop = poll.stop()
    expect(poll.read()).toBeNull()
    await clock.play()
    expect(wire.last.line).toBe('DELETE /session')
    wire.last.answer({})
    expect(await ended(stop)).toBe(true)
    expect(wire.isClosed).toBe(true)
    expect(clock.pending).toBe(0)
    await clock.play(10 * INTERVAL)
    expect(wire.sent).toHaveLength(2)
    expect(errors).toEqual([])
  })

  test('gives the server one second', async () => {
    const stop = poll.stop()
    await clock.play(999)
    expect(await ended(stop)).toBe(false)
    await clock.play(1)
    expect(await ended(stop)).toBe(true)
    expect(wire.isClosed).toBe(true)
    expect(clock.pending).toBe(0)
    expect(errors).toEqual(['CAUCUS_CONNECTION_LOST'])
  })

  test('lets the poll under way end first, so that it cannot bring the session back to life', async () => {
    await clock.play(INTERVAL)
    const underWay = wire.last
    const stop = poll.stop()
    await clock.play(100)
    expect(wire.last).toBe(underWay)
    underWay.answer(second, lease(60_000))
    await clock.play()
    expect(wire.last.line).toBe('DELETE /session')
    expect(poll.read()).toBeNull()
    wire.last.answer({})
    expect(await ended(stop)).toBe(true)
  })

  test('does not let a poll that never ends keep it from leaving', async () => {
    await clock.play(INTERVAL)
    const stop = poll.stop()
    await clock.play(500)
    expect(wire.last.line).toBe('DELETE /session')
    wire.last.answer({})
    expect(await ended(stop)).toBe(true)
    expect(clock.pending).toBe(0)
  })

  test('sends nothing when it had not begun', async () => {
    const unborn = new Wire(clock)
    const poll = new BlocPoll({ wire: unborn, intervalMs: INTERVAL, clock: clock.holder, onError: () => {} })
    await poll.stop()
    poll.begin()
    expect(unborn).toMatchObject({ sent: [], isClosed: true })
  })
})
