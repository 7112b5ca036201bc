import { request as plainRequest } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Certificates } from './certificates.ts'
import { neededProgram } from './need.ts'
import { freePorts } from './ports.ts'
import { ServerProcess, scratchFolder, withAnotherTry } from './server-process.ts'

export const ETCD = neededProgram('etcd', 'etcd-server', () => 'etcd', ['--version'])

export interface EtcdOptions {
  /** 1 by default. */
  readonly nodes?: number
  /** Clients speak TLS then; `clientCertificates` asks them for one of the same authority. */
  readonly tls?: Certificates
  readonly clientCertificates?: boolean
  /** Further options of the command, for every node. */
  readonly args?: readonly string[]
}

/** Shorter than etcd's own, so that tests of an election are over sooner; still generous on a busy machine. */
const TIMERS = ['--heartbeat-interval', '50', '--election-timeout', '500']
const ANSWER_WITHIN_MS = 10_000

type Answer = Readonly<Record<string, unknown>>

/** Real etcd on free ports of loopback, gone with this process at the latest. Resolves once every node serves. */
export const startEtcd = (options: EtcdOptions = {}): Promise<EtcdServers> =>
  withAnotherTry(() => EtcdServers.start(options))

/** One node of etcd. `restart` comes back on the same ports with the same data. */
export interface EtcdNode {
  readonly name: string
  readonly url: string
  readonly pid: number | undefined
  readonly running: boolean
  kill(): Promise<void>
  freeze(): void
  thaw(): void
  /** Resolves once it serves, which needs a majority of the others too. */
  restart(): Promise<void>
}

export class EtcdServers implements AsyncDisposable {
  /** `http://127.0.0.1:PORT`, in the order of `nodes`. */
  readonly urls: readonly string[]
  readonly nodes: readonly EtcdNode[]
  readonly #processes: readonly ServerProcess[]
  readonly #tls: Certificates | undefined
  readonly #remove: () => void
  #root: string | undefined
  #token: string | undefined

  private constructor(names: readonly string[], ports: readonly number[], options: EtcdOptions) {
    const { path, remove } = scratchFolder('etcd')
    const { tls, clientCertificates = false, args = [] } = options
    const count = names.length
    this.#remove = remove
    this.#tls = tls
    this.urls = names.map((_, i) => `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${ports[count + i]}`)
    const peers = names.map((_, i) => `http://127.0.0.1:${ports[i]}`)
    const tlsArgs =
      tls === undefined
        ? []
        : [
            ...['--cert-file', tls.server.certFile, '--key-file', tls.server.keyFile],
            ...(clientCertificates ? ['--client-cert-auth', '--trusted-ca-file', tls.caFile] : []),
          ]
    this.#processes = names.map((name, i) => {
      const url = this.urls[i] ?? ''
      const peer = peers[i] ?? ''
      const command = [
        ...['--name', name, '--data-dir', join(path, name), ...TIMERS, ...tlsArgs],
        ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
        ...['--listen-client-urls', url, '--advertise-client-urls', url],
        ...['--initial-cluster', names.map((each, j) => `${each}=${peers[j]}`).join()],
        ...args,
      ]
      return new ServerProcess(`etcd ${name}`, { file: 'etcd', args: command }, async () => {
        const answer = await this.#send('GET', url, '/health')
        return answer.health === 'true' || answer.health === true
      })
    })
    this.nodes = this.#processes.map((process, i) => new Node(names[i] ?? '', this.urls[i] ?? '', process))
  }

  static async start(options: EtcdOptions): Promise<EtcdServers> {
    const names = Array.from({ length: options.nodes ?? 1 }, (_, i) => `node-${i}`)
    const servers = new EtcdServers(names, await freePorts(2 * names.length), options)
    try {
      await servers.startAll()
    } catch (error) {
      await servers.close()
      throw error
    }
    return servers
  }

  /** kill -9 of every node that runs. */
  async killAll(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.kill()))
  }

  /** Starts every node that does not run, and resolves once all serve. */
  async startAll(): Promise<void> {
    for (const process of this.#processes) if (!process.running) process.launch()
    await Promise.all(this.#processes.map((process) => process.answers()))
  }

  /** Who leads, as soon as one of those that run says so. */
  async leader(): Promise<EtcdNode> {
    const until = performance.now() + 60_000
    for (;;) {
      for (const node of this.nodes) {
        if (!node.running) continue
        const status = await this.ask('/v3/maintenance/status', {}, node).catch(() => undefined)
        const header = status?.header as { member_id?: string } | undefined
        if (status !== undefined && status.leader === header?.member_id) return node
      }
      if (performance.now() > until) throw new Error('etcd has no leader')
      await sleep(50)
    }
  }

  /** Forgets the history before `revision`, now, and on the disk too; before the newest one when none is given. */
  async compact(revision?: number): Promise<void> {
    const newest = async () => {
      const { header } = await this.ask('/v3/kv/range', { key: base64('\0') })
      return Number((header as { revision: string }).revision)
    }
    await this.ask('/v3/kv/compaction', { revision: revision ?? (await newest()), physical: true })
  }

  /** Lets in nobody without a password any more: makes `root`, and a user who may do everything to keys that begin with `prefix`. */
  async requirePassword(
    user: { name: string; password: string; prefix: string },
    root = 'root-password',
  ): Promise<void> {
    await this.ask('/v3/auth/user/add', { name: 'root', password: root })
    await this.ask('/v3/auth/role/add', { name: 'root' })
    await this.ask('/v3/auth/user/grant', { user: 'root', role: 'root' })
    await this.ask('/v3/auth/role/add', { name: user.name })
    const range = { key: base64(user.prefix), range_end: base64(endOf(user.prefix)) }
    await this.ask('/v3/auth/role/grant', { name: user.name, perm: { permType: 'READWRITE', ...range } })
    await this.ask('/v3/auth/user/add', { name: user.name, password: user.password })
    await this.ask('/v3/auth/user/grant', { user: user.name, role: user.name })
    await this.ask('/v3/auth/enable', {})
    this.#root = root
  }

  /** etcd's own JSON gateway, by the first node that runs unless one is given. Rejects with what etcd says against it. */
  async ask(path: string, body: Answer, node = this.nodes.find((each) => each.running)): Promise<Answer> {
    if (node === undefined) throw new Error('no node of etcd runs')
    let answer = await this.#send('POST', node.url, path, body)
    if (this.#root !== undefined && /user name is empty|invalid auth token/.test(String(answer.error))) {
      const login = { name: 'root', password: this.#root }
      this.#token = undefined
      const { token } = await this.#send('POST', node.url, '/v3/auth/authenticate', login)
      this.#token = String(token)
      answer = await this.#send('POST', node.url, path, body)
    }
    if (answer.error !== undefined) throw new Error(`etcd on ${path}: ${String(answer.error)}`)
    return answer
  }

  async close(): Promise<void> {
    await this.killAll()
    this.#remove()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #send(method: string, url: string, path: string, body?: Answer): Promise<Answer> {
    const tls = this.#tls && { ca: this.#tls.ca, cert: this.#tls.client.cert, key: this.#tls.client.key }
    const options = {
      method,
      agent: false,
      timeout: ANSWER_WITHIN_MS,
      headers: this.#token === undefined ? {} : { authorization: this.#token },
    }
    return new Promise((resolve, reject) => {
      const request = (tls === undefined ? plainRequest : tlsRequest)(
        `${url}${path}`,
        { ...options, ...tls },
        (response) => {
          let text = ''
          response.setEncoding('utf8').on('data', (part: string) => {
            text += part
          })
          response.once('error', reject)
          response.once('end', () => {
            try {
              resolve(JSON.parse(text) as Answer)
            } catch {
              reject(new Error(`etcd answered ${response.statusCode} to ${path}: ${text.slice(0, 200)}`))
            }
          })
        },
      )
      request.once('timeout', () => request.destroy(new Error(`etcd does not answer ${path}`)))
      request.once('error', reject)
      request.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }
}

class Node implements EtcdNode {
  constructor(
    readonly name: string,
    readonly url: string,
    readonly process: ServerProcess,
  ) {}

  get pid(): number | undefined {
    return this.process.pid
  }

  get running(): boolean {
    return this.process.running
  }

  kill(): Promise<void> {
    return this.process.kill()
  }

  freeze(): void {
    this.process.freeze()
  }

  thaw(): void {
    this.process.thaw()
  }

  async restart(): Promise<void> {
    await this.process.kill()
    await this.process.start()
  }
}

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64')

/** The first key after all that begin with it. */
const endOf = (prefix: string): string => {
  const last = prefix.charCodeAt(prefix.length - 1)
  return prefix.slice(0, -1) + String.fromCharCode(last + 1)
}
