import { once } from 'node:events'
import { type IncomingHttpHeaders, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { ErrorBody } from '../../../src/errors.ts'
import type { CoordinatorHosting } from '../../../src/ports/hosting.ts'
import { hostCoordinator } from '../../../src/runtime/coordinator-host.ts'
import { listen } from '../../../src/server/listen.ts'
import { Meter } from '../../../src/server/meter.ts'
import type { ListenOptions } from '../../../src/server/options.ts'
import { memoryStore } from '../../../src/stores/memory-store.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'

export const SETTINGS = {
  leaseMs: 4_000,
  settleMs: 1_000,
  settleCapMs: 5_000,
  drainLimitMs: 2_000,
  staticGraceMs: 3_000,
}
const POLL = { group: 'default', timeoutMs: 4_000, settleMs: 1_000, settleCapMs: 5_000, pollIntervalMs: 500 }

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** The body, where it is JSON. */
  readonly json: unknown
  readonly error: ErrorBody | undefined
}

export interface Ask {
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string | Buffer
}

/** A server on a real port over a coordinator whose clock the test moves. */
export class TestServer implements AsyncDisposable {
  readonly clock: SimulatedClock
  readonly hosting: CoordinatorHosting
  readonly port: number
  readonly url: string
  readonly logged: string[]
  readonly close: (options?: { drain?: boolean }) => Promise<void>
  readonly #sockets: Socket[] = []

  private constructor(
    clock: SimulatedClock,
    hosting: CoordinatorHosting,
    listening: Awaited<ReturnType<typeof listen>>,
    logged: string[],
  ) {
    this.clock = clock
    this.hosting = hosting
    this.port = listening.port
    this.url = listening.url
    this.close = listening.close
    this.logged = logged
  }

  static async start(
    options: Partial<ListenOptions> = {},
    limits = { groups: 10, membersPerGroup: 10 },
  ): Promise<TestServer> {
    const clock = new SimulatedClock(1_000)
    const logged: string[] = []
    const log = (details: object, message: string) => void logged.push(`${message} ${JSON.stringify(details)}`)
    const logger = { debug: log, info: log, warn: log, error: log }
    const meter = new Meter(logger)
    const hosting = await hostCoordinator({
      clock,
      wallMs: () => 1_700_000_000_000,
      store: memoryStore({ instanceId: 'server-1' }),
      defaults: SETTINGS,
      fresh: true,
      poll: POLL,
      limits,
      telemetry: meter,
      onFault: (error) => {
        throw error
      },
    })
    const listening = await listen({
      hosting,
      port: 0,
      pollGroup: POLL.group,
      version: '1.2.3',
      logger,
      meter,
      ...options,
    })
    return new TestServer(clock, hosting, listening, logged)
  }

  ask(method: string, path: string, { headers = {}, body }: Ask = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: this.port, method, path, agent: false as const }
      const isFramed = body === undefined || 'transfer-encoding' in headers
      const framed = isFramed ? headers : { 'content-length': String(Buffer.byteLength(body)), ...headers }
      const sent = request({ ...options, headers: framed as Record<string, string | string[]> }, (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('error', reject)
        response.on('end', () => resolve(answerOf(response.statusCode ?? 0, response.headers, Buffer.concat(parts))))
      })
      sent.on('error', reject)
      sent.end(body)
    })
  }

  poll(session: string): Promise<Answer> {
    return this.ask('GET', '/index', { headers: { 'Bloc-Session-ID': session } })
  }

  put(path: string, body: unknown): Promise<Answer> {
    return this.ask('PUT', path, { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })
  }

  /** A connection on which the test says every byte itself. */
  async connect(): Promise<Socket> {
    const socket = connect(this.port, '127.0.0.1')
    this.#sockets.push(socket)
    await once(socket, 'connect')
    return socket
  }

  /** Sends bytes as they are and reads until the server closes. */
  async raw(bytes: string | Buffer): Promise<{ status: number; error: ErrorBody | undefined; text: string }> {
    const socket = await this.connect()
    const parts: Buffer[] = []
    socket.on('data', (part) => parts.push(part))
    socket.write(bytes)
    await once(socket, 'close')
    const text = Buffer.concat(parts).toString()
    const [head = '', body = ''] = text.split('\r\n\r\n')
    const status = Number(head.split(' ')[1])
    return { status, text, error: errorIn(body) }
  }

  /** Everything that would show a change: whatever was refused must leave it as it was. */
  state(): unknown {
    return this.hosting.view()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await this.close({ drain: false })
    await this.hosting.close()
  }
}

const errorIn = (text: string): ErrorBody | undefined => {
  try {
    return JSON.parse(text).error
  } catch {
    // Not every body is JSON.
    return undefined
  }
}

const answerOf = (status: number, headers: IncomingHttpHeaders, body: Buffer): Answer => {
  const text = body.toString()
  const isJson = headers['content-type']?.startsWith('application/json') === true && text !== ''
  return { status, headers, text, json: isJson ? JSON.parse(text) : undefined, error: errorIn(text) }
}
