import { once } from 'node:events'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { expect } from 'vitest'
import { WebSocket } from 'ws'
import type { Holding } from '../../../src/core/group/messages.ts'
import type { GroupView } from '../../../src/core/group/view.ts'
import type { ErrorBody } from '../../../src/errors.ts'
import type { ServerLimits } from '../../../src/server/options.ts'
import { endAll, type Running, type RunningServer, startCaucus, startNode, startServer } from './processes.ts'
import { waitFor } from './wait.ts'

export const PARTITIONS = 24
const HEAP = new URL('attack-heap.mjs', import.meta.url).href
const TIMING = ['--timeout', '6', '--settle', '0.2', '--log-level', 'warn']
export const OBSERVED = { NODE_OPTIONS: `--import=${HEAP}` }

/**
 * What may stay in memory after an attack: code that was compiled for it, counters by code, and the bounded tables by address and identity.
 * Every attack that is told to leave nothing sends, or makes the server write, several times as much.
 */
const TOLERANCE_BYTES = 6 * 2 ** 20

export interface Answer {
  readonly status: number
  readonly text: string
  readonly error: ErrorBody | undefined
}

/** What the witness says. */
export interface Witnessed {
  /** How often it has looked. */
  readonly checks: number
  readonly harms: readonly string[]
  readonly partitions: readonly Holding[]
}

interface Ask {
  readonly token?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string
  /** The address of this machine that it comes from. */
  readonly from?: string
}

/** A server, members that look whether they lose anything, and everything that is needed to attack the one before the eyes of the others. */
export class Arena {
  server: RunningServer
  readonly port: number
  readonly #token: string | undefined
  readonly #sockets = new Set<Socket>()
  #witness: Running | undefined

  private constructor(server: RunningServer, token: string | undefined) {
    this.server = server
    this.port = Number(new URL(server.url).port)
    this.#token = token
  }

  /** Starts `caucus serve`, by the command `prefix` if there is one. With `token`, the arena's own requests and the witness send it. */
  static async serve(args: readonly string[] = [], token?: string, prefix?: readonly string[]): Promise<Arena> {
    return new Arena(await startServer([...TIMING, '--fresh', ...args], OBSERVED, prefix), token)
  }

  /** Starts a server on the port of the one that has ended, which does not take it for granted that nobody holds anything. */
  async restart(args: readonly string[]): Promise<void> {
    const again = ['serve', '--listen', this.server.address, ...TIMING, ...args]
    const server = startCaucus(again, OBSERVED)
    await waitFor('the server to be back', () => {
      if (server.ended() !== undefined) throw new Error(`the server ended: ${server.stderr()}`)
      return server.stdout().startsWith('listening on ')
    })
    this.server = { ...server, url: this.server.url, address: this.server.address }
  }

  /** Starts a server whose limits are low. */
  static async limited(limits: Partial<ServerLimits>, rules?: readonly object[], token?: string): Promise<Arena> {
    const args = [limits, ...(rules === undefined ? [] : [rules])].map((each) => JSON.stringify(each))
    const server = startNode(['test/process/support/attack-server.mjs', ...args], OBSERVED)
    const url = await waitFor('the server to say where it listens', () => {
      if (server.ended() !== undefined) throw new Error(`the server ended: ${server.stderr()}`)
      return /^listening on (\S+)\n/.exec(server.stdout())?.[1]
    })
    return new Arena({ ...server, url, address: new URL(url).host }, token)
  }

  /** Resolves once the witness holds everything, together with `others` members of the test. */
  async watch(others = 0): Promise<void> {
    const order = { url: this.server.url, token: this.#token, partitions: PARTITIONS, others }
    const witness = startNode(['test/process/support/attack-witness.mjs', JSON.stringify(order)])
    this.#witness = witness
    await waitFor('the witness to hold everything', () => {
      if (witness.ended() !== undefined) throw new Error(`the witness ended: ${witness.stderr()}`)
      return witness.stdout().includes('whole')
    })
  }

  /** Resolves with what the witness has lost. */
  async harms(): Promise<readonly string[]> {
    return (await this.witnessed()).harms
  }

  /** Resolves with what the witness has lost, and with the partitions that it has. */
  async witnessed(): Promise<Witnessed> {
    const witness = this.#witness
    if (witness === undefined) throw new Error('nobody watches')
    const said = witness.stdout().length
    witness.signal('SIGUSR2')
    const report = await waitFor('the report of the witness', () => {
      if (witness.ended() !== undefined) throw new Error(`the witness ended: ${witness.stderr()}`)
      return /^(\{.*\})\n/m.exec(witness.stdout().slice(said))?.[1]
    })
    return JSON.parse(report) as Witnessed
  }

  /** Resolves with what is alive in the server after a garbage collection. */
  async aliveBytes(): Promise<number> {
    const { server } = this
    const said = server.stderr().length
    server.signal('SIGUSR2')
    const bytes = await waitFor('the server to say what is alive in it', () => {
      if (server.ended() !== undefined) throw new Error(`the server ended: ${server.stderr()}`)
      return /alive-bytes (\d+)\n/.exec(server.stderr().slice(said))?.[1]
    })
    return Number(bytes)
  }

  /** The pictures of those groups that no attack may change. */
  async groups(): Promise<readonly GroupView[]> {
    const { text } = await this.ask('GET', '/v1/status')
    const { groups } = JSON.parse(text) as { groups: GroupView[] }
    // Attackers who may join may have groups of their own, and newcomers come and go.
    return groups.filter(({ name }) => !/^(attacker-|newcomers$)/.test(name))
  }

  async metric(name: string): Promise<number> {
    const { text } = await this.ask('GET', '/metrics')
    const line = text.split('\n').find((each) => each.startsWith(`${name} `))
    return line === undefined ? 0 : Number(line.slice(name.length + 1))
  }

  /**
   * Runs the attack and demands that it did nothing to anybody: the groups are what they were, nobody lost anything, the server takes newcomers,
   * no connection is left, and what it took in memory is back.
   */
  async withstands(attack: () => Promise<void>): Promise<void> {
    await this.#newcomer()
    const [groups, connections, alive] = [
      await this.groups(),
      await this.metric('caucus_connections'),
      await this.aliveBytes(),
    ]
    await attack()
    await this.#newcomer()
    for (const socket of this.#sockets) socket.destroy()
    await waitFor('the connections to be closed', async () => (await this.metric('caucus_connections')) <= connections)
    expect(await this.groups()).toEqual(groups)
    expect(await this.harms()).toEqual([])
    await waitFor('the memory to be back', async () => (await this.aliveBytes()) < alive + TOLERANCE_BYTES).catch(
      async (error) => {
        throw new Error(`${(await this.aliveBytes()) - alive} bytes more are alive than before`, { cause: error })
      },
    )
  }

  /** Somebody who has not been here joins, is answered, and leaves. */
  async #newcomer(): Promise<void> {
    const path = '/v1/groups/newcomers/members/new'
    const bootId = crypto.randomUUID()
    const { status, text } = await this.ask('PUT', path, { body: JSON.stringify({ bootId, sequence: 1 }) })
    expect([status, text]).toEqual([200, expect.stringContaining('"generation"')])
    const { incarnation } = JSON.parse(text) as { incarnation: number }
    const left = await this.ask('DELETE', `${path}?bootId=${bootId}&incarnation=${incarnation}&sequence=2`)
    expect([left.status, left.text]).toEqual([200, '{"left":true}'])
  }

  /** A request on a connection of its own. */
  ask(method: string, path: string, { token = this.#token, headers = {}, body, from }: Ask = {}): Promise<Answer> {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const all = { ...authorization, ...headers } as Record<string, string | string[]>
    const to = { host: '127.0.0.1', port: this.port, method, path, agent: false as const, headers: all }
    return new Promise((resolve, reject) => {
      const sent = request({ ...to, ...(from !== undefined && { localAddress: from }) }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text, error: errorIn(text) }))
      })
      sent.on('error', reject)
      sent.end(body)
    })
  }

  /** A connection on which the test says every byte itself. It is closed with the attack. */
  async connect(from?: string): Promise<Socket> {
    const socket = this.#keep(
      connect({ port: this.port, host: '127.0.0.1', ...(from !== undefined && { localAddress: from }) }),
    )
    await once(socket, 'connect')
    return socket
  }

  /** So many connections; those that are refused count too. */
  async flood(count: number, from?: string): Promise<Socket[]> {
    return Promise.all(Array.from({ length: count }, () => this.connect(from)))
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    // Being cut is what it is for.
    socket.on('error', () => undefined)
    return socket
  }

  /** A link that says hello, or the error with which it was refused. */
  async link(token = this.#token, more: LinkOptions = {}): Promise<RawLink> {
    const link = new RawLink(`ws://127.0.0.1:${this.port}/v1/link`, token, more)
    this.#keep(await link.opened())
    return link
  }

  static async end(): Promise<void> {
    await endAll()
  }
}

/** What a link was refused with. */
export class Refusal extends Error {
  readonly status: number
  readonly error: ErrorBody | undefined

  constructor(status: number, text: string) {
    super(`${status} ${text}`)
    this.status = status
    this.error = errorIn(text)
  }
}

interface LinkOptions {
  readonly from?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** The client's end of a link, frame by frame. */
export class RawLink {
  readonly socket: WebSocket
  readonly frames: string[] = []
  #below: Socket | undefined

  constructor(url: string, token: string | undefined, { from, headers }: LinkOptions) {
    this.socket = new WebSocket(url, ['caucus.v2'], {
      headers: { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
      ...(from !== undefined && { localAddress: from }),
    })
    this.socket.on('message', (data) => this.frames.push(String(data)))
    this.socket.on('error', () => undefined)
  }

  /** The connection below, for bytes that no client would send. */
  get below(): Socket {
    if (this.#below === undefined) throw new Error('the link has not been opened')
    return this.#below
  }

  /** Resolves with the connection below, once the server has greeted. */
  opened(): Promise<Socket> {
    return new Promise((resolve, reject) => {
      this.socket.once('upgrade', ({ socket }) => {
        this.#below = socket
      })
      this.socket.once('unexpected-response', (_request, response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part
        })
        response.on('end', () => reject(new Refusal(response.statusCode ?? 0, text)))
      })
      this.socket.once('error', reject)
      this.socket.once('message', () => resolve(this.below))
    })
  }

  /** Resolves with how the server closed it. */
  async closed(): Promise<{ readonly code: number; readonly reason: string }> {
    const [code, reason] = (await once(this.socket, 'close')) as [number, Buffer]
    return { code, reason: String(reason) }
  }
}

const errorIn = (text: string): ErrorBody | undefined => {
  try {
    return (JSON.parse(text) as { error?: ErrorBody }).error
  } catch {
    // Not every answer is JSON.
    return undefined
  }
}
