import { beforeEach, describe, expect, test } from 'vitest'
import { CaucusError } from '../../../src/errors.ts'
import type { AcceptedSocket, FrameSocket } from '../../../src/ports/socket.ts'
import { ClientEnd } from '../../../src/testing/cluster/client-end.ts'
import { Connection } from '../../../src/testing/cluster/connection.ts'
import { EventLoop } from '../../../src/testing/cluster/event-loop.ts'
import { Direction } from '../../../src/testing/cluster/pipe.ts'
import { Timeline } from '../../../src/testing/cluster/timeline.ts'
import type { FarEnd } from '../../../src/testing/cluster/wire.ts'
import { MachineClock } from '../../../src/testing/simulation/machine-clock.ts'

const DELAY_MS = 5
const WINDOW_BYTES = 1_000

let timeline: Timeline
let member: EventLoop
let coordinator: EventLoop
let up: Direction
let down: Direction
let connection: Connection<ClientEnd>
let accepted: AcceptedSocket | undefined
let atMember: string[]
let atCoordinator: string[]
let refusal: CaucusError | undefined
let listens: boolean
let on: boolean
let outlives: boolean

const newLoop = () =>
  new EventLoop({
    timeline,
    machine: new MachineClock(1, 0, 0),
    lateMs: () => 0,
    onRan: () => undefined,
    onUncaught: (error) => {
      throw error
    },
  })

const far = (): FarEnd => ({
  loop: coordinator,
  knocked: ({ refuse, accept }) => {
    if (refusal !== undefined) return refuse(refusal)
    accept((connect) => {
      accepted = connect({
        text: (frame) => atCoordinator.push(frame),
        binary: () => atCoordinator.push('binary'),
        pong: () => atCoordinator.push('pong'),
        faulty: () => atCoordinator.push('faulty'),
        closed: () => atCoordinator.push('closed'),
      })
    })
  },
})

const open = (): FrameSocket => {
  const options = { url: 'http://far', subprotocols: [], token: undefined, tls: undefined, handshakeTimeoutMs: 100 }
  const sink = {
    opened: () => atMember.push('opened'),
    text: (frame: string) => atMember.push(frame),
    bytes: () => undefined,
    heard: () => undefined,
    closed: ({ message }: CaucusError) => atMember.push(`closed: ${message}`),
  }
  connection = new Connection(options, (line) => new ClientEnd(line, member, options, sink), {
    timeline,
    up,
    down,
    windowBytes: WINDOW_BYTES,
    far: () => (listens ? far() : undefined),
    isOn: { member: () => true, coordinator: () => on },
    outlives: () => outlives,
    sent: () => 0,
    arrived: () => undefined,
    over: () => undefined,
  })
  return connection.client
}

const play = (ms: number) => timeline.play(timeline.nowMs + ms)

beforeEach(() => {
  timeline = new Timeline()
  member = newLoop()
  coordinator = newLoop()
  up = new Direction(timeline, () => DELAY_MS)
  down = new Direction(timeline, () => DELAY_MS)
  accepted = undefined
  atMember = []
  atCoordinator = []
  refusal = undefined
  listens = true
  on = true
  outlives = true
})

describe('a connection', () => {
  test('opens after a round trip, and carries frames both ways in order', async () => {
    const socket = open()
    await play(2 * DELAY_MS - 1)
    expect(atMember).toEqual([])
    await play(1)
    expect(atMember).toEqual(['opened'])
    for (const frame of ['a', 'b', 'c']) socket.send(frame)
    accepted?.send('x')
    await play(DELAY_MS)
    expect(atCoordinator).toEqual(['a', 'b', 'c'])
    expect(atMember).toEqual(['opened', 'x'])
  })

  test('is refused where nobody listens, and not heard of at all where the machine is off', async () => {
    listens = false
    open()
    await play(2 * DELAY_MS)
    expect(atMember).toEqual(['closed: http://far: connection refused'])
    on = false
    open()
    await play(2 * DELAY_MS)
    expect(atMember).toHaveLength(1)
    await play(100)
    expect(atMember[1]).toBe('closed: http://far took longer than 100 ms to answer')
  })

  test('is refused by a server that takes nobody', async () => {
    refusal = new CaucusError('CAUCUS_UNAVAILABLE', 'stopping')
    open()
    await play(2 * DELAY_MS)
    expect(atMember).toEqual(['closed: stopping'])
  })

  test('waits for a server that stands still, as the kernel does', async () => {
    coordinator.stop()
    open()
    await play(50)
    expect(atMember).toEqual([])
    coordinator.goOn()
    await play(DELAY_MS)
    expect(atMember).toEqual(['opened'])
  })
})

describe('a network that carries nothing', () => {
  test('holds frames up and loses none: they arrive in order once it carries again', async () => {
    const socket = open()
    await play(2 * DELAY_MS)
    const lift = up.block()
    socket.send('a')
    socket.send('b')
    await play(10_000)
    expect(atCoordinator).toEqual([])
    lift()
    await play(1_000)
    expect(atCoordinator).toEqual(['a', 'b'])
  })

  test('may hold up one direction alone', async () => {
    const socket = open()
    await play(2 * DELAY_MS)
    down.block()
    socket.send('a')
    accepted?.send('x')
    await play(1_000)
    expect(atCoordinator).toEqual(['a'])
    expect(atMember).toEqual(['opened'])
  })
})

describe('what is sent', () => {
  test('waits with its sender once nobody reads it', async () => {
    open()
    await play(2 * DELAY_MS)
    member.stop()
    for (let frames = 0; frames < 10; frames++) accepted?.send('x'.repeat(300))
    expect(accepted?.bufferedBytes).toBe(7 * 300)
    await play(100)
    expect(accepted?.bufferedBytes).toBe(7 * 300)
    member.goOn()
    await play(1_000)
    expect(accepted?.bufferedBytes).toBe(0)
    expect(atMember).toHaveLength(11)
  })

  test('may arrive after its sender has given the connection up, and its end after it', async () => {
    const socket = open()
    await play(2 * DELAY_MS)
    const lift = up.block()
    socket.send('late')
    socket.fail(new CaucusError('CAUCUS_CONNECTION_LOST', 'no answer'))
    expect(atMember).toEqual(['opened', 'closed: no answer'])
    lift()
    await play(1_000)
    expect(atCoordinator).toEqual(['late', 'closed'])
  })

  test('may be lost with the connection', async () => {
    outlives = false
    const socket = open()
    await play(2 * DELAY_MS)
    const lift = up.block()
    socket.send('late')
    socket.fail(new CaucusError('CAUCUS_CONNECTION_LOST', 'no answer'))
    lift()
    await play(1_000)
    expect(atCoordinator).toEqual(['closed'])
  })
})

describe('the end of a connection', () => {
  test('is agreed upon: what was sent still goes out', async () => {
    const socket = open()
    await play(2 * DELAY_MS)
    socket.send('last')
    let gone = false
    socket.close(() => {
      gone = true
    })
    expect(gone).toBe(false)
    await play(3 * DELAY_MS)
    expect(gone).toBe(true)
    expect(atCoordinator).toEqual(['last', 'closed'])
    expect(atMember).toEqual(['opened'])
    expect(member.pending + coordinator.pending).toBe(0)
  })

  test('is told with its code when the server wants it', async () => {
    open()
    await play(2 * DELAY_MS)
    accepted?.close(1001, 'stopping')
    await play(3 * DELAY_MS)
    expect(atMember).toEqual(['opened', 'closed: http://far closed the connection (1001, "stopping")'])
    expect(atCoordinator).toEqual(['closed'])
  })

  test.each([
    ['both', 1, 1],
    ['member', 1, 0],
    ['coordinator', 0, 1],
    ['nobody', 0, 0],
  ] as const)('may be told to %s when some box forgets it', async (told, members, coordinators) => {
    const socket = open()
    await play(2 * DELAY_MS)
    connection.forget(told)
    await play(100)
    expect(atMember.filter((line) => line.startsWith('closed'))).toHaveLength(members)
    expect(atCoordinator).toHaveLength(coordinators)
    socket.send('into the void')
    await play(1_000)
    expect(atCoordinator).not.toContain('into the void')
  })

  test('is told by the kernel when the server was killed, and not when its machine is gone', async () => {
    open()
    await play(2 * DELAY_MS)
    coordinator.kill()
    connection.server?.die(false)
    await play(DELAY_MS)
    expect(atMember).toEqual(['opened', 'closed: the connection was reset'])

    coordinator = newLoop()
    const socket = open()
    await play(2 * DELAY_MS)
    on = false
    coordinator.kill()
    connection.server?.die(true)
    socket.send('anybody?')
    await play(10_000)
    expect(atMember).toHaveLength(3)
    // The machine is on again: its kernel knows nothing of this connection, and says so.
    on = true
    socket.send('anybody?')
    await play(2 * DELAY_MS)
    expect(atMember.at(-1)).toBe('closed: the connection was reset')
  })
})
