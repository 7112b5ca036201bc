import { once } from 'node:events'
import type { Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { Renew, ShareMessage } from '../../src/core/group/messages.ts'
import type { ServerLimits } from '../../src/server/options.ts'
import { Arena, type RawLink, type Refusal } from './support/attack-arena.ts'
import { LOOPBACK_NET } from './support/attack-machine.ts'
import { lackFor } from './support/needs.ts'
import { waitFor } from './support/wait.ts'

afterEach(() => Arena.end())

/** For what takes many megabytes: on a busy machine they take a while. */
const PATIENT = { withinMs: 45_000 }
/** Another address of this machine than the one that everybody else comes from. */
const ATTACKER = '127.0.0.2'
const LOW: Partial<ServerLimits> = {
  connections: 80,
  connectionsPerAddress: 40,
  streams: 12,
  streamsPerAddress: 6,
  linksPerIdentity: 5,
  streamsPerIdentity: 4,
}

const firstLine = async (socket: Socket): Promise<string> => {
  let text = ''
  socket.setEncoding('latin1').on('data', (part: string) => {
    text += part
  })
  await Promise.race([once(socket, 'close'), waitFor('an answer', () => text.includes('\r\n\r\n'))])
  return text
}

const WIDE = 4_096
const renew = (sequence: number, more: Partial<Renew> = {}): Renew => ({
  type: 'renew',
  ...named('deaf'),
  sequence,
  order: 0,
  share: { partitions: WIDE },
  holding: [],
  draining: [],
  acknowledged: [],
  ...more,
})
const named = (name: string) => ({ group: `attacker-${name}`, member: name, bootId: name })
/** Resolves once its member has 4 096 partitions, so that each answer to it is long. */
const wide = async (link: RawLink, name = 'deaf'): Promise<void> => {
  let sequence = 0
  await waitFor('all partitions', () => {
    link.socket.send(JSON.stringify([renew(++sequence, named(name))]))
    const [last] = JSON.parse(link.frames.at(-1) ?? '[]') as ShareMessage[]
    return last?.type === 'share' && last.holding.length === WIDE
  })
}

const lack = lackFor('what one address may take from others', [LOOPBACK_NET])

describe.skipIf(lack)('one address', () => {
  test('has its part of all connections, is told so, and leaves the rest to others', async () => {
    const arena = await Arena.limited(LOW)
    await arena.watch()
    await arena.withstands(async () => {
      // Far more than there are, and none of them asks for anything.
      const sockets = await arena.flood(600, ATTACKER)
      const open = () => sockets.filter(({ closed }) => !closed)
      // Its part, and a few that could be told why there are no more.
      await waitFor('those that are too many to be closed', () => open().length <= 65)
      expect((await arena.ask('GET', '/healthz')).status).toBe(200)
      expect(await arena.metric('caucus_connections_dropped_total')).toBeGreaterThan(400)
      const asked = open()
      for (const socket of asked) socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
      const said = await Promise.all(asked.map(firstLine))
      expect(said.filter((text) => text.startsWith('HTTP/1.1 200 ')).length).toBe(40)
      const refused = said.find((text) => text.startsWith('HTTP/1.1 429 '))
      expect(refused).toContain('this address has its limit of 40 connections: keep connections alive')
      const late = await arena.link(undefined, { from: ATTACKER }).catch((error: Refusal) => error)
      expect(late).toMatchObject({ status: 429, error: { code: 'CAUCUS_OVERLOADED' } })
      expect(await arena.metric('caucus_quota_refused_total{what="connections",by="address"}')).toBeGreaterThan(500)
    })
  })

  test('could shut out everybody else without that limit', async () => {
    const arena = await Arena.limited({ ...LOW, connectionsPerAddress: 80 })
    const sockets = await arena.flood(80, ATTACKER)
    expect(await arena.ask('GET', '/healthz')).toMatchObject({ status: 429, error: { code: 'CAUCUS_OVERLOADED' } })
    for (const socket of sockets) socket.destroy()
    await waitFor('room', async () => (await arena.ask('GET', '/healthz')).status === 200)
  })

  test('has its part of all streams of events, whether it reads them or not', async () => {
    const arena = await Arena.limited(LOW)
    await arena.watch()
    const path = '/v1/groups/witness-indexes/events'
    const open = async (from?: string): Promise<string> => {
      const socket = await arena.connect(from)
      socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
      return firstLine(socket)
    }
    await arena.withstands(async () => {
      const said = await Promise.all(Array.from({ length: 10 }, () => open(ATTACKER)))
      expect(said.filter((text) => text.startsWith('HTTP/1.1 200 ')).length).toBe(6)
      const refused = said.find((text) => text.startsWith('HTTP/1.1 429 '))
      expect(refused).toContain('this address has its limit of 6 streams: let several readers share one')
      expect(await open()).toMatch(/^HTTP\/1.1 200 /)
      expect(await arena.metric('caucus_quota_refused_total{what="streams",by="address"}')).toBe(4)
    })
    // What was given back can be had again.
    expect(await open(ATTACKER)).toMatch(/^HTTP\/1.1 200 /)
  })
})

describe.skipIf(lack)('one identity', () => {
  const rules = [
    { name: 'ops', token: 'token-of-the-operator', role: 'admin' },
    { name: 'mallory', token: 'token-of-mallory', role: 'member', groups: ['mallory-*'] },
  ]

  test('has its part of all links and streams, from however many addresses it comes', async () => {
    const arena = await Arena.limited(LOW, rules, 'token-of-the-operator')
    await arena.watch()
    const link = (from: string) =>
      arena.link('token-of-mallory', { from }).then(
        () => 'opened',
        ({ status, error }: Refusal) => `${status} ${error?.message}`,
      )
    const stream = async (from: string): Promise<string> => {
      const socket = await arena.connect(from)
      const head = 'Host: localhost\r\nAuthorization: Bearer token-of-mallory'
      socket.write(`GET /v1/groups/mallory-1/events HTTP/1.1\r\n${head}\r\n\r\n`)
      return (await firstLine(socket)).slice(0, 12)
    }
    const addresses = Array.from({ length: 8 }, (_, index) => `127.0.0.${10 + index}`)
    await arena.withstands(async () => {
      const links = await Promise.all(addresses.map(link))
      expect(links.filter((text) => text === 'opened').length).toBe(5)
      expect(links.find((text) => text !== 'opened')).toContain('429 this identity has its limit of 5 links: one link')
      const streams = await Promise.all(addresses.map(stream))
      expect(streams.filter((text) => text === 'HTTP/1.1 200').length).toBe(4)
      expect(streams.filter((text) => text === 'HTTP/1.1 429').length).toBe(4)
      const other = await arena.link()
      expect(other.frames.join()).toContain('"hello"')
      expect(await arena.metric('caucus_quota_refused_total{what="links",by="identity"}')).toBe(3)
      expect(await arena.metric('caucus_quota_refused_total{what="streams",by="identity"}')).toBe(4)
    })
  })
})

describe.skipIf(lack)('what is not whole yet, or not read yet', () => {
  const MB = 2 ** 20
  const half = 'PUT /v1/groups/attacker-half/members/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n'
  /** A masked frame of a megabyte without its last byte. */
  const frame = Buffer.concat([Buffer.from('81ff000000000010000000000000', 'hex'), Buffer.alloc(MB - 1, ' ')])

  test('of one address is bounded, however many bodies and frames it is in, and others send theirs', async () => {
    const arena = await Arena.limited({ arrivingBytes: 20 * MB })
    await arena.watch()
    await arena.withstands(async () => {
      const alive = await arena.aliveBytes()
      const links = await Promise.all(Array.from({ length: 60 }, () => arena.link(undefined, { from: ATTACKER })))
      const ends = links.map((link) => link.closed())
      for (const { below } of links) below.write(frame)
      const sockets = await arena.flood(60, ATTACKER)
      for (const socket of sockets) socket.write(Buffer.concat([Buffer.from(half), Buffer.alloc(900_000, ' ')]))
      // Each that is too much is refused.
      await waitFor('nearly all to be refused', async () => (await arena.metric('caucus_arrivals_refused_total')) > 100)
      expect(await arena.aliveBytes()).toBeLessThan(alive + 30 * MB)
      const own = await arena.ask('PUT', '/v1/groups/attacker-half/members/a', { body: '{"bootId":"a","sequence":1}' })
      expect(own.status).toBe(200)
      for (const { below } of links) below.destroy()
      await Promise.all(ends)
    })
  })

  test('of all together is bounded, and those who read nothing are cut, not those who read', async () => {
    const arena = await Arena.limited({ waitingBytes: 3 * MB, linkBufferBytes: 1_000 * MB })
    await arena.watch()
    await arena.withstands(async () => {
      const names = ['deaf-1', 'deaf-2', 'reader']
      const links = await Promise.all(names.map(() => arena.link()))
      for (const [index, link] of links.entries()) {
        await wide(link, names[index])
        if (names[index] !== 'reader') link.below.pause()
      }
      let sequence = 1_000
      // None of them has as much waiting as a link may have here.
      await waitFor(
        'those who read nothing to be cut',
        async () => {
          sequence++
          for (const [index, { socket }] of links.entries()) {
            socket.send(JSON.stringify([renew(sequence, named(names[index] ?? ''))]))
          }
          return (await arena.metric('caucus_connections_cut_total')) > 0
        },
        PATIENT,
      )
      expect([links[2]?.socket.readyState, await arena.metric('caucus_links_cut_total')]).toEqual([WebSocket.OPEN, 0])
    })
  })
})

describe('whoever never reads', () => {
  test('of what is said to its link, its requests or its stream, is cut, and nobody else', async () => {
    const arena = await Arena.limited({ silenceMs: 500 })
    await arena.watch()
    await arena.withstands(async () => {
      const link = await arena.link()
      await wide(link)
      link.below.pause()
      for (let sequence = 1_000; sequence < 1_200; sequence++) link.socket.send(JSON.stringify([renew(sequence)]))
      await waitFor('the link to be cut', async () => (await arena.metric('caucus_links_cut_total')) === 1, PATIENT)

      const talker = await arena.link()
      const metadata = 'x'.repeat(4_000)
      for (let part = 0; part < 5; part++) {
        const joins = Array.from({ length: 100 }, (_, index) => {
          const name = `${part}-${index}`
          return renew(1, { ...named('crowd'), member: name, bootId: name, share: 'index', metadata })
        })
        talker.socket.send(JSON.stringify(joins))
      }
      const asker = await arena.connect()
      asker.pause()
      // Two megabytes each.
      asker.write('GET /v1/groups/attacker-crowd HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(12))
      await waitFor(
        'the asker to be cut',
        async () => (await arena.metric('caucus_connections_cut_total')) === 1,
        PATIENT,
      )

      const reader = await arena.connect()
      reader.pause()
      reader.write('GET /v1/groups/attacker-crowd/events HTTP/1.1\r\nHost: localhost\r\n\r\n')
      await waitFor('the stream', async () => (await arena.metric('caucus_streams')) === 1)
      let round = 0
      await waitFor(
        'the stream to be cut',
        async () => {
          // Who comes under an id that is taken throws out the one that was there: two events of each.
          const bootId = String(++round)
          const joins = Array.from({ length: 500 }, (_, index) =>
            renew(1, { group: 'attacker-crowd', member: `${'x'.repeat(200)}${index}`, bootId, share: 'index' }),
          )
          if (round < 50) talker.socket.send(JSON.stringify(joins))
          return (await arena.metric('caucus_streams')) === 0
        },
        PATIENT,
      )
    })
  })

  test('while it is talked to all the time, is found out by what does not go out, not by what waits', async () => {
    const arena = await Arena.limited({ silenceMs: 500, linkBufferBytes: 2 ** 30 })
    const link = await arena.link()
    await wide(link)
    link.below.pause()
    let sequence = 1_000
    await waitFor(
      'the link to be cut',
      async () => {
        // It says that it is there, and each answer makes what waits for it longer.
        link.socket.send(JSON.stringify([renew(++sequence)]))
        return (await arena.metric('caucus_connections_cut_total')) === 1
      },
      PATIENT,
    )
    expect((await arena.ask('GET', '/healthz')).status).toBe(200)
  })
})
