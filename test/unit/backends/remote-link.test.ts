import { describe, expect, onTestFinished, test } from 'vitest'
import { RemoteLink } from '../../../src/backends/remote/link.ts'
import type { CoordinatorMessage, MemberMessage } from '../../../src/core/group/messages.ts'
import { CaucusError } from '../../../src/errors.ts'
import type { LinkEvent } from '../../../src/ports/backend.ts'
import type { TopicsSink, TopicsWire } from '../../../src/ports/link.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'
import { encodeFrame } from '../../../src/wire/frames.ts'
import { SocketPair } from '../socket-pair.ts'

const HEARTBEAT_MS = 1_000
const RECONNECT_MAX_MS = 2_000

const hello = (clusterId = 'c'): CoordinatorMessage => ({
  type: 'hello',
  protocol: 1,
  clusterId,
  instanceId: `server-of-${clusterId}`,
  generation: 1,
})
const leave = (member: string): MemberMessage => ({
  type: 'leave',
  group: 'g',
  member,
  bootId: 'b',
  incarnation: 1,
  sequence: 1,
})
const lost = (message: string) => new CaucusError('CAUCUS_CONNECTION_LOST', message)

/** A link whose sockets, clock and chance are the test's. */
const linkTo = (
  urls: readonly string[],
  { random = () => 0, topics }: { random?: () => number; topics?: TopicsSink } = {},
) => {
  const clock = new SimulatedClock(1_000)
  const sockets: SocketPair[] = []
  const dialledAt: number[] = []
  const events: string[] = []
  const heard: string[] = []
  const told = (event: LinkEvent) =>
    events.push(`${event.type} ${event.url}${event.type === 'link.refused' ? ` ${event.error.code}` : ''}`)
  const link = new RemoteLink(
    {
      urls,
      token: 'secret',
      tls: undefined,
      clock,
      random,
      reconnectMaxMs: RECONNECT_MAX_MS,
      heartbeatMs: HEARTBEAT_MS,
      ...(topics !== undefined && { topics }),
      tell: (event) => void told(event),
      openSocket: (options, sink) => {
        const pair = new SocketPair(clock, options, sink)
        sockets.push(pair)
        dialledAt.push(clock.now())
        return pair.client
      },
    },
    {
      opened: ({ instanceId }) => void heard.push(`opened ${instanceId}`),
      received: (messages) => void heard.push(`received ${messages.length}`),
      closed: (reason) => void heard.push(`closed: ${reason}`),
    },
  )
  const last = () => sockets.at(-1) ?? expect.fail('nothing was dialled')
  /** The server takes the newest socket and greets. */
  const greet = (clusterId?: string, protocol = 1) => {
    const pair = last()
    pair.accepted((connect) => {
      connect({ text: () => {}, binary: () => {}, pong: () => {}, faulty: () => {}, closed: () => {} })
    })
    pair.server.send(encodeFrame([{ ...hello(clusterId), protocol } as CoordinatorMessage]))
    clock.advance()
  }
  const close = async () => {
    const closed = link.close()
    await clock.play(1_000)
    await closed
    expect(clock.pending).toBe(0)
  }
  onTestFinished(close)
  return { clock, link, sockets, last, dialledAt, events, heard, greet, close }
}

const A = 'http://a'
const B = 'http://b'

test('a link dials the path and the protocol of links, and tells who is there', () => {
  const { last, events, heard, greet } = linkTo(['https://a/prefix'])
  expect(last().options).toEqual({
    url: 'wss://a/prefix/v1/link',
    subprotocols: ['caucus.v2', 'caucus.v1'],
    token: 'secret',
    tls: undefined,
    handshakeTimeoutMs: 5_000,
  })
  greet()
  expect(events).toEqual(['link.opened https://a/prefix'])
  expect(heard).toEqual(['opened server-of-c'])
})

test('a server of an older version is not told of candidates, which are refused in its place', async () => {
  const { clock, link, last, heard, greet } = linkTo([A])
  greet()
  const renew = { type: 'renew', group: 'election/e', member: 'a', bootId: 'b', sequence: 1, order: 0 } as const
  link.send([{ ...renew, share: 'tenure', holding: [], draining: [], acknowledged: [] }, leave('a')])
  await clock.play()
  expect(last().log.at(-1)).toBe(`client: ${encodeFrame([leave('a')])}`)
  expect(heard.at(-1)).toBe('received 1')
})

test('a server of an older version is told what that version has; one of a newer version is refused', async () => {
  const { clock, link, last, events, greet } = linkTo([A])
  greet()
  link.send([Object.assign(leave('a'), { novelty: 1 })])
  await clock.play()
  expect(last().log.at(-1)).toBe(`client: ${encodeFrame([leave('a')])}`)
  last().server.send('[{"type":"hello","protocol":3}]')
  clock.advance()
  expect(events.at(-1)).toBe(`link.refused ${A} CAUCUS_PROTOCOL`)
})

test('what is sent in one turn shares a frame', async () => {
  const { clock, link, last, greet } = linkTo([A])
  link.send([leave('too-early')])
  greet()
  link.send([leave('a')])
  link.send([leave('b'), leave('c')])
  await clock.play()
  expect(last().log.filter((line) => line.startsWith('client'))).toEqual([
    `client: ${encodeFrame([leave('a'), leave('b'), leave('c')])}`,
  ])
})

describe('a lost connection is made again', () => {
  test('after a pause up to twice as long as the one before, as chance will have it', () => {
    const draws = [0, 0.5, 1, 0.25, 1, 1, 1, 1, 1, 0.5]
    const { clock, last, dialledAt } = linkTo([A], { random: () => draws.shift() ?? expect.fail('drawn too often') })
    const pauses: number[] = []
    for (let attempt = 0; attempt < 10; attempt++) {
      const lostAt = clock.now()
      last().lost(lost('no answer'))
      clock.advance(RECONNECT_MAX_MS)
      pauses.push((dialledAt.at(-1) ?? 0) - lostAt)
    }
    expect(pauses).toEqual([0, 20, 80, 40, 320, 640, 1_280, 2_000, 2_000, 1_000])
  })

  test('with the server that was there until now, and at once if it had been there for long', () => {
    const { clock, last, dialledAt, events, heard, greet } = linkTo([A, B], { random: () => 1 })
    greet()
    clock.advance(HEARTBEAT_MS * 3)
    last().lost(lost('reset'))
    clock.advance(20)
    expect(dialledAt.at(-1)).toBe(clock.now())
    greet()
    expect(events).toEqual([`link.opened ${A}`, `link.lost ${A}`, `link.opened ${A}`])
    expect(heard).toEqual(['opened server-of-c', 'closed: reset', 'opened server-of-c'])
  })

  test('with the next server when this one takes nobody, such as after a handshake that came too late', () => {
    const { clock, last, events, heard, greet } = linkTo([A, B])
    last().lost(lost('took longer than 5000 ms to answer'))
    clock.advance()
    expect(last().options.url).toBe('ws://b/v1/link')
    greet()
    expect(events).toEqual([`link.refused ${A} CAUCUS_CONNECTION_LOST`, `link.opened ${B}`])
    expect(heard).toEqual(['opened server-of-c'])
  })

  test('without hurry where a server takes us and drops us again', () => {
    const { clock, last, sockets, greet } = linkTo([A], { random: () => 1 })
    greet()
    last().lost(lost('dropped'))
    clock.advance(RECONNECT_MAX_MS - 1)
    expect(sockets).toHaveLength(1)
    clock.advance(1)
    expect(sockets).toHaveLength(2)
  })
})

describe('a server that will not do is left for the next one:', () => {
  test('one of another cluster than the first', () => {
    const { clock, last, events, greet } = linkTo([A, B])
    greet('one')
    last().lost(lost('reset'))
    clock.advance()
    last().lost(lost('refused'))
    clock.advance()
    greet('another')
    expect(events.slice(2)).toEqual([`link.refused ${A} CAUCUS_CONNECTION_LOST`, `link.refused ${B} CAUCUS_CONFLICT`])
  })

  test.each([
    ['one that does not begin with a hello', encodeFrame([leave('a')]), 'CAUCUS_PROTOCOL'],
    ['one that cannot be understood', '{', 'CAUCUS_PROTOCOL'],
  ])('%s', (_what, frame, code) => {
    const { clock, last, sockets, events, greet } = linkTo([A, B])
    last().accepted((connect) => {
      connect({ text: () => {}, binary: () => {}, pong: () => {}, faulty: () => {}, closed: () => {} })
    })
    last().server.send(frame)
    clock.advance()
    expect(events).toEqual([`link.refused ${A} ${code}`])
    expect(sockets[0]?.log.at(-1)).toBe(`client: fails with ${code}`)
    greet()
    expect(events.at(-1)).toBe(`link.opened ${B}`)
  })

  test('one from which nothing is held, as its members say', () => {
    const { clock, link, last, events, heard, greet } = linkTo([A, B])
    greet()
    link.reject()
    clock.advance(RECONNECT_MAX_MS)
    expect(events.at(-1)).toBe(`link.refused ${A} CAUCUS_CONFLICT`)
    expect(heard.at(-1)).toContain('is another server')
    expect(last().options.url).toBe('ws://b/v1/link')
  })
})

describe('a silent server', () => {
  test('is asked after a heartbeat, and left after two and a half', () => {
    const { clock, last, events, heard, greet } = linkTo([A])
    greet()
    const pair = last()
    pair.halfOpen = true
    clock.advance(2 * HEARTBEAT_MS)
    expect(pair.log.slice(1)).toEqual(['client: ping', 'client: ping'])
    expect(heard).toEqual(['opened server-of-c'])
    clock.advance(HEARTBEAT_MS)
    expect(pair.log.at(-1)).toBe('client: fails with CAUCUS_CONNECTION_LOST')
    expect(events).toEqual([`link.opened ${A}`, `link.lost ${A}`])
    expect(heard.at(-1)).toBe(`closed: ${A} has said nothing for 3000 ms`)
  })

  test('is left for the next one, since it may stand still for long', () => {
    const { clock, last, greet } = linkTo([A, 'http://b'])
    greet()
    last().halfOpen = true
    clock.advance(3 * HEARTBEAT_MS + RECONNECT_MAX_MS)
    expect(last().options.url).toBe('ws://b/v1/link')
  })

  test('stays as long as it answers', () => {
    const { clock, sockets, events, greet } = linkTo([A])
    greet()
    clock.advance(100 * HEARTBEAT_MS)
    expect(sockets).toHaveLength(1)
    expect(events).toEqual([`link.opened ${A}`])
  })

  test('is not taken for gone by a client that was frozen itself: what arrived meanwhile is read first', () => {
    const { clock, last, events, greet } = linkTo([A])
    greet()
    clock.advance(HEARTBEAT_MS / 2)
    clock.stall(60 * HEARTBEAT_MS)
    last().server.send(encodeFrame([hello()]))
    clock.advance(2 * HEARTBEAT_MS)
    expect(events).toEqual([`link.opened ${A}`])
  })

  test('is asked before it is judged by a client that was frozen itself, and left when it does not answer', () => {
    const { clock, last, events, greet } = linkTo([A])
    greet()
    clock.stall(60 * HEARTBEAT_MS)
    clock.advance(10 * HEARTBEAT_MS)
    expect(events).toEqual([`link.opened ${A}`])
    expect(last().log.filter((line) => line === 'client: ping').length).toBeGreaterThan(5)
    last().halfOpen = true
    clock.stall(60 * HEARTBEAT_MS)
    clock.advance(HEARTBEAT_MS)
    expect(events).toEqual([`link.opened ${A}`])
    clock.advance(2 * HEARTBEAT_MS)
    expect(events).toEqual([`link.opened ${A}`, `link.lost ${A}`])
  })
})

describe('closing', () => {
  test('says what was still to be said, and waits until the socket is gone', async () => {
    const { link, last, heard, events, greet, close } = linkTo([A])
    greet()
    link.send([leave('a')])
    await close()
    expect(last().log.slice(1)).toEqual([`client: ${encodeFrame([leave('a')])}`, 'client: closes'])
    expect(heard).toEqual(['opened server-of-c'])
    expect(events).toEqual([`link.opened ${A}`])
  })

  test('while it connects leaves nothing', async () => {
    const { last, events, close, sockets } = linkTo([A])
    await close()
    expect(last().log).toEqual(['client: closes'])
    expect([events, sockets.length]).toEqual([[], 1])
  })

  test('between two attempts leaves nothing', async () => {
    const { clock, last, close, sockets } = linkTo([A], { random: () => 1 })
    last().lost(lost('no answer'))
    clock.advance()
    await close()
    expect(sockets).toHaveLength(1)
  })

  test('does not wait for a server that does not answer', async () => {
    const { last, greet, close } = linkTo([A])
    greet()
    last().halfOpen = true
    await close()
    expect(last().log.at(-1)).toBe('client: terminates')
  })
})

describe('a server that takes nothing of what is sent to it', () => {
  /** So many that they need more than one frame. */
  const many = Array.from({ length: 2_000 }, (_, i) => leave(`m${i}`))

  test('is left at the first frame; the others of that turn are lost with it', async () => {
    const { clock, link, last, sockets, events, greet } = linkTo([A])
    greet()
    last().full = true
    link.send(many)
    await clock.play()
    expect(last()).toBe(sockets[0])
    expect(events).toEqual([`link.opened ${A}`, `link.lost ${A}`])
  })

  test('is not dialled again by a link that is closing', async () => {
    const { clock, link, last, sockets, greet, close } = linkTo([A])
    greet()
    last().full = true
    link.send(many)
    await close()
    clock.advance(10 * RECONNECT_MAX_MS)
    expect(sockets).toHaveLength(1)
  })
})

describe('whoever talks about topics over a link', () => {
  const listening = () => {
    const told: string[] = []
    let wire: TopicsWire | undefined
    const topics: TopicsSink = {
      opened: (its) => {
        wire = its
        told.push(`opened ${its.url} ${its.hasTopics}`)
      },
      taken: (frame) => {
        told.push(`taken ${frame.length}`)
        return frame.length === 1 ? 'too short' : undefined
      },
      lost: (reason) => void told.push(`lost: ${reason}`),
    }
    return { told, wire: () => wire ?? expect.fail('it was never opened'), ...linkTo([A], { topics }) }
  }

  test('sends and gets frames of bytes beside those of text, until the link is lost', async () => {
    const { told, wire, last, greet, clock, close } = listening()
    greet('c', 2)
    expect(told).toEqual([`opened ${A} true`])
    wire().sendBytes(Buffer.from('abc'))
    last().server.sendBytes(Buffer.from('four'))
    clock.advance()
    expect(last().log.slice(-2)).toEqual(['client: 3 bytes', 'server: 4 bytes'])
    last().lost(lost('cable'))
    await clock.play(1)
    expect(told.slice(1)).toEqual(['taken 4', 'lost: cable'])
    greet('c', 1)
    await close()
    expect(told.slice(3)).toEqual([`opened ${A} false`, 'lost: it was closed by this side'])
  })

  test('ends the link by what it cannot take, and so do bytes before the hello', async () => {
    const { told, last, greet, clock, events } = listening()
    greet('c', 2)
    last().server.sendBytes(Buffer.from('x'))
    clock.advance()
    expect(told.at(-1)).toMatch(/^lost: .* cannot be understood: too short$/)
    await clock.play(RECONNECT_MAX_MS)
    const pair = last()
    pair.accepted((connect) => {
      connect({ text: () => {}, binary: () => {}, pong: () => {}, faulty: () => {}, closed: () => {} })
    })
    pair.server.sendBytes(Buffer.from('early'))
    clock.advance()
    expect(events.slice(-2)).toEqual([`link.refused ${A} CAUCUS_PROTOCOL`, `link.refused ${A} CAUCUS_PROTOCOL`])
    expect(told).toHaveLength(3)
  })
})
