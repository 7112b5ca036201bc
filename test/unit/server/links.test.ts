import { describe, expect, onTestFinished, test } from 'vitest'
import type { Renew } from '../../../src/core/group/messages.ts'
import type { CaucusError } from '../../../src/errors.ts'
import { hostCoordinator } from '../../../src/runtime/coordinator-host.ts'
import { Links } from '../../../src/server/links.ts'
import { memoryStore } from '../../../src/stores/memory-store.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'
import { encodeFrame } from '../../../src/wire/frames.ts'
import { SocketPair } from '../socket-pair.ts'
import { SETTINGS } from './harness.ts'

const PING_MS = 10_000
const renew: Renew = {
  type: 'renew',
  group: 'g',
  member: 'a',
  bootId: 'boot-a',
  sequence: 1,
  order: 0,
  holding: [],
  draining: [],
  acknowledged: [],
}

/** A coordinator and its links, without a server in front of them. */
const room = async () => {
  const clock = new SimulatedClock(1_000)
  const hosting = await hostCoordinator({
    clock,
    wallMs: () => 1_700_000_000_000,
    store: memoryStore({ instanceId: 'server-1' }),
    defaults: SETTINGS,
    fresh: true,
    limits: { groups: 10, membersPerGroup: 10 },
    onFault: (error) => {
      throw error
    },
  })
  const counts = { links: 0, linksCut: 0, framesRefused: 0, framesDropped: 0 }
  const logged: string[] = []
  const log = (_details: object, message: string) => void logged.push(message)
  const limits = { pingMs: PING_MS, linkBufferBytes: 50_000 }
  const logger = { debug: log, info: log, warn: log, error: log }
  const links = new Links({ hosting, clock, limits, counts, logger })
  onTestFinished(() => hosting.close())

  const connect = () => {
    const heard: string[] = []
    const options = { url: 'ws://server', subprotocols: [], token: undefined, tls: undefined, handshakeTimeoutMs: 1 }
    let ended: CaucusError | undefined
    const pair = new SocketPair(clock, options, {
      opened: () => {},
      heard: () => {},
      text: (frame) => void heard.push(frame),
      bytes: () => {},
      closed: (error) => {
        ended = error
      },
    })
    pair.accepted((accept) => links.accept(accept))
    clock.advance()
    return { pair, heard, ended: () => ended?.message, did: () => pair.log.filter((line) => !/^server: \[/.test(line)) }
  }
  return { clock, hosting, links, counts, logged, connect }
}

describe('a link', () => {
  test('begins with a hello, takes what its member says, and is forgotten with its end; the member is not', async () => {
    const { clock, hosting, counts, connect } = await room()
    const { pair, heard } = connect()
    expect(heard.join()).toContain('"type":"hello"')
    pair.says(encodeFrame([renew]))
    clock.advance()
    expect(heard.at(-1)).toContain('"type":"share"')
    expect([counts.links, hosting.counters().links]).toEqual([1, 1])
    pair.client.close(() => {})
    clock.advance()
    expect([counts.links, hosting.counters().links]).toEqual([0, 0])
    expect(hosting.viewOf('g')?.total).toBe(1)
  })

  test.each([
    ['no JSON', '{', 'server: closes with 1002 CAUCUS_PROTOCOL: the frame is not JSON'],
    ['no text', new Uint8Array([1]), 'server: closes with 1002 CAUCUS_PROTOCOL: a frame is text'],
  ])('is closed after a frame that is %s', async (_what, frame, expected) => {
    const { clock, hosting, counts, connect } = await room()
    const { pair, did, ended } = connect()
    pair.says(frame)
    pair.says(encodeFrame([renew]))
    clock.advance()
    expect(did().join()).toContain(expected)
    expect(ended()).toContain('1002')
    expect(counts).toMatchObject({ links: 0, linksCut: 0, framesRefused: 1 })
    expect(hosting.viewOf('g')).toBeUndefined()
  })

  test('is cut when its client does not read', async () => {
    const { clock, counts, logged, connect } = await room()
    const { pair, did } = connect()
    pair.unread = 50_000
    pair.says(encodeFrame([renew]))
    clock.advance()
    expect(did()).toEqual([])
    pair.unread = 50_001
    pair.says(encodeFrame([{ ...renew, sequence: 2 }]))
    clock.advance()
    expect(did()).toEqual(['server: terminates'])
    expect(logged).toEqual(['a link was not read by its client, and was cut'])
    expect(counts).toMatchObject({ links: 0, linksCut: 1 })
  })

  test('is sent away when the coordinator has been closed meanwhile', async () => {
    const { clock, hosting, counts, connect } = await room()
    await hosting.close()
    const { did } = connect()
    expect(did()).toEqual(['server: closes with 1001 CAUCUS_CLOSED'])
    clock.advance()
    expect(counts.links).toBe(0)
  })
})

describe('a silent link', () => {
  test('is asked, and cut when it never answers', async () => {
    const { clock, counts, connect } = await room()
    const { pair, did } = connect()
    pair.halfOpen = true
    clock.advance(PING_MS)
    expect(did()).toEqual([])
    clock.advance(2 * PING_MS)
    expect(did()).toEqual(['server: ping', 'server: ping'])
    clock.advance(PING_MS - 1)
    expect(counts).toMatchObject({ links: 1, linksCut: 0 })
    clock.advance(1)
    expect(did().at(-1)).toBe('server: terminates')
    expect(counts).toMatchObject({ links: 0, linksCut: 1 })
  })

  test('stays as long as it answers', async () => {
    const { clock, counts, connect } = await room()
    const { did } = connect()
    clock.advance(20 * PING_MS)
    expect(new Set(did())).toEqual(new Set(['server: ping']))
    expect(counts).toMatchObject({ links: 1, linksCut: 0 })
  })

  test('is one that says nothing by itself: whoever renews is not asked', async () => {
    const { clock, connect } = await room()
    const { pair, did } = connect()
    for (let sequence = 1; sequence < 10; sequence++) {
      pair.says(encodeFrame([{ ...renew, sequence }]))
      clock.advance(PING_MS)
    }
    expect(did()).toEqual([])
  })

  test('keeps no process alive, and leaves no timer once the links are closed', async () => {
    const { clock, links, hosting, connect } = await room()
    const { did } = connect()
    expect(clock.alive).toBe(false)
    links.close()
    expect(did()).toEqual(['server: closes with 1001 CAUCUS_UNAVAILABLE: the server is stopping'])
    clock.advance()
    expect(links.size).toBe(0)
    await hosting.close()
    expect(clock.pending).toBe(0)
  })
})
