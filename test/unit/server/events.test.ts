import { once } from 'node:events'
import type { Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ServerLimits } from '../../../src/server/options.ts'
import { TestServer } from './harness.ts'

let server: TestServer
const start = async (limits: Partial<ServerLimits> = {}) => {
  await server?.[Symbol.asyncDispose]()
  server = await TestServer.start({ limits })
}
beforeEach(() => start())
afterEach(() => server[Symbol.asyncDispose]())

const join = (id: string) => server.put(`/v1/groups/g/members/${id}`, { bootId: `boot-${id}`, sequence: 1 })

/** A reader of a stream, block by block. */
class Stream {
  readonly socket: Socket
  #text = ''
  #more: () => void = () => undefined

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (part) => {
      this.#text += part
      this.#more()
    })
  }

  static async open(query = '', headers = ''): Promise<Stream> {
    const socket = await server.connect()
    const stream = new Stream(socket)
    socket.write(`GET /v1/groups/g/events${query} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`)
    await stream.until(':\n\n')
    return stream
  }

  /** Reads up to and including `end`. */
  async until(end: string): Promise<string> {
    while (!this.#text.includes(end)) {
      await new Promise<void>((resolve) => {
        this.#more = resolve
      })
    }
    const at = this.#text.indexOf(end) + end.length
    const text = this.#text.slice(0, at)
    this.#text = this.#text.slice(at)
    return text
  }

  /** The next event: its name, id and data. */
  async next(): Promise<{ id: string | undefined; event: string | undefined; data: unknown }> {
    await this.until('event: ')
    const block = `event: ${await this.until('\n\n')}`
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1]
    const data = JSON.parse(field('data') ?? 'null')
    return { id: data?.revision, event: field('event'), data }
  }
}

describe('the events of a group', () => {
  test('stream as they happen, each with the id by which a reader resumes', async () => {
    const stream = await Stream.open()
    await join('a')
    const joined = await stream.next()
    expect(joined).toMatchObject({
      id: expect.stringMatching(/^\d+-\d+$/),
      event: 'member.joined',
      data: { group: 'g', event: { type: 'member.joined', member: 'a', because: 'joined' } },
    })
    expect((await stream.next()).event).toBe('group.settling')
    await server.clock.play(1_500)
    expect((await stream.next()).event).toBe('slot.granted')
    expect((await stream.next()).event).toBe('group.settled')
  })

  test('resume after the last one that was read, by header or query', async () => {
    const stream = await Stream.open()
    await join('a')
    const { id } = await stream.next()
    stream.socket.destroy()
    await join('b')
    for (const resumed of [await Stream.open(`?after=${id}`), await Stream.open('', `Last-Event-ID: ${id}\r\n`)]) {
      expect((await resumed.next()).event).toBe('group.settling')
      expect(await resumed.next()).toMatchObject({ event: 'member.joined', data: { event: { member: 'b' } } })
    }
  })

  test('say what is missing when they cannot be resumed', async () => {
    await join('a')
    const stream = await Stream.open('?after=1-1')
    expect(await stream.next()).toMatchObject({ event: 'gap', data: { type: 'gap', dropped: null } })
    expect((await stream.next()).event).toBe('member.joined')
  })

  test('have the form of server-sent events, and no line of an id can forge one', async () => {
    const { headers } = await new Promise<{ headers: Record<string, unknown> }>((resolve) => {
      void server.connect().then((socket) => {
        socket.once('data', (part) => {
          const lines = String(part).split('\r\n\r\n')[0]?.split('\r\n').slice(1) ?? []
          resolve({ headers: Object.fromEntries(lines.map((line) => line.toLowerCase().split(': '))) })
        })
        socket.write('GET /v1/groups/g/events HTTP/1.1\r\nHost: localhost\r\n\r\n')
      })
    })
    expect(headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  })

  test.each(['?after=x', '?after=1-1&after=1-2', '?after=', '?after=99999999999-1'])(
    'are not read after %s',
    async (query) => {
      const { status, error } = await server.ask('GET', `/v1/groups/g/events${query}`)
      expect([status, error?.code]).toEqual([400, 'CAUCUS_INVALID_ARGUMENT'])
    },
  )

  test('come with a comment now and then, so that both sides notice when the other is gone', async () => {
    await start({ streamHeartbeatMs: 10 })
    const stream = await Stream.open()
    await stream.until(':\n\n')
    await stream.until(':\n\n')
  })

  test('have a limited number of readers', async () => {
    await start({ streams: 1 })
    const stream = await Stream.open()
    const refused = await server.ask('GET', '/v1/groups/g/events')
    expect([refused.status, refused.error?.code]).toEqual([429, 'CAUCUS_OVERLOADED'])
    stream.socket.destroy()
    const streams = async () => /^caucus_streams (\d+)$/m.exec((await server.ask('GET', '/metrics')).text)?.[1]
    while ((await streams()) !== '0');
    await Stream.open()
  })

  test('are read by many at once without a warning', async () => {
    const warnings: string[] = []
    const warned = ({ name }: Error) => void warnings.push(name)
    process.on('warning', warned)
    try {
      for (let i = 0; i < 12; i++) await Stream.open()
      await join('a')
    } finally {
      process.off('warning', warned)
    }
    expect(warnings).toEqual([])
  })

  test('cut off a reader that does not read, and nobody else', async () => {
    await start({ silenceMs: 50 })
    const [slow, good] = [await Stream.open(), await Stream.open()]
    slow.socket.pause()
    const cut = async () => /^caucus_streams_cut_total (\d+)$/m.exec((await server.ask('GET', '/metrics')).text)?.[1]
    const path = `/v1/groups/g/members/${'m'.repeat(250)}`
    for (let i = 0; (await cut()) === '0'; i++) {
      // Each join of another process fences the one before: three events with a long name.
      for (let j = 0; j < 50; j++)
        await server.hosting.call({
          type: 'renew',
          group: 'g',
          member: 'm'.repeat(250),
          bootId: `b${i}-${j}`,
          sequence: 1,
          order: 0,
          holding: [],
          draining: [],
          acknowledged: [],
        })
    }
    expect((await server.ask('GET', path)).status).toBe(200)
    expect(good.socket.destroyed).toBe(false)
    await good.next()
  })

  test('end when the server stops', async () => {
    const stream = await Stream.open()
    const ended = once(stream.socket, 'end')
    await server.close()
    await ended
  })
})
