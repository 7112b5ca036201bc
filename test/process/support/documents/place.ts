import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { ETCD, type EtcdServers, startEtcd } from '../../../../src/testing/servers/etcd.ts'
import { NATS, type NatsServer, startNats } from '../../../../src/testing/servers/nats.ts'
import { freePorts } from '../../../../src/testing/servers/ports.ts'
import { POSTGRES, type PostgresServer, startPostgres } from '../../../../src/testing/servers/postgres.ts'
import type { Need } from '../needs.ts'
import { type RunningServer, startServer } from '../processes.ts'

/** What the documents call a server, an etcd and a NATS. */
const SERVER = /\b(?:127\.0\.0\.1|localhost|10\.0\.0\.\d+):(?:8989|4400)\b/g
const ETCD_URL = /\b(?:10\.0\.0\.\d+|etcd-\d|localhost|127\.0\.0\.1):2379\b/g
const NATS_URL = /\b(?:10\.0\.0\.\d+|nats-\d|localhost|127\.0\.0\.1):4222\b/g
const DATABASE = /\bpool\b|\bsql\.|^UPDATE |^BEGIN;/m
/** Ports of peers and of web servers, which must be free here. */
const PORT = /\b(?:[78]00[1-9]|3000)\b/g
const FOLDERS = /(?<=['"\s=:]|^)\/(?:var\/lib|etc|run\/secrets)\/(?:[\w.-]+\/)*(?=\w)/gm

const has = (code: string, pattern: RegExp): boolean => code.search(pattern) >= 0

/** What a block needs beside Node. */
export const needsOf = (code: string): readonly Need[] => [
  ...(has(code, ETCD_URL) ? [ETCD] : []),
  ...(has(code, NATS_URL) ? [NATS] : []),
  ...(has(code, DATABASE) ? [POSTGRES] : []),
]

let databases = 0
let postgres: Promise<PostgresServer> | undefined

/** A database of its own in the one server that all blocks share. */
export const database = async (): Promise<string> => {
  postgres ??= startPostgres()
  const { Client } = await import('pg')
  const { url } = await postgres
  const client = new Client({ connectionString: url })
  await client.connect()
  const name = `block_${++databases}`
  await client.query(`CREATE DATABASE ${name}`)
  await client.end()
  return url.replace(/[^/]*$/, name)
}

export const closeDatabases = async (): Promise<void> => {
  await (await postgres)?.close()
  postgres = undefined
}

/** Where one block is run: its folder, and the servers that its addresses stand for. */
export class Place implements AsyncDisposable {
  readonly folder: string
  readonly #ports = new Map<string, number>()
  #server: RunningServer | undefined
  #etcd: EtcdServers | undefined
  #nats: NatsServer | undefined
  #database: string | undefined

  constructor(folder: string) {
    this.folder = folder
    mkdirSync(folder, { recursive: true })
  }

  /** Starts what the block names by its address. */
  async open(code: string): Promise<void> {
    if (has(code, SERVER) || /\burl\b/.test(code)) this.#server = await startServer(['--fresh', '-t', '2', '-s', '0.1'])
    const nodes = new Set(code.match(ETCD_URL)).size
    if (nodes > 0) this.#etcd = await startEtcd({ nodes })
    if (has(code, NATS_URL)) this.#nats = await startNats()
    if (has(code, DATABASE)) this.#database = await database()
    const named = [...new Set(code.match(PORT))]
    for (const [n, port] of (await freePorts(named.length)).entries()) this.#ports.set(named[n] ?? '', port)
  }

  get environment(): NodeJS.ProcessEnv {
    return { DOCUMENT_SERVER: this.#server?.url, DOCUMENT_DATABASE: this.#database }
  }

  /** The same code, with the addresses and folders of here. */
  rewritten(code: string): string {
    const nodes = new Map(
      [...new Set(code.match(ETCD_URL))].map((address, n) => [address, hostOf(this.#etcd?.urls[n])]),
    )
    return code
      .replaceAll(SERVER, this.#server?.address ?? '')
      .replaceAll(ETCD_URL, (address) => nodes.get(address) ?? address)
      .replaceAll(NATS_URL, this.#nats?.address ?? '')
      .replaceAll(PORT, (port) => String(this.#ports.get(port)))
      .replaceAll(FOLDERS, (folder) => {
        const here = join(this.folder, folder)
        mkdirSync(here, { recursive: true })
        return here
      })
      .replaceAll('10.0.3.7', '127.0.0.1')
      .replaceAll('peers.example', 'localhost')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#server?.stop('SIGKILL'), this.#etcd?.close(), this.#nats?.close()])
  }
}

const hostOf = (url: string | undefined): string => (url === undefined ? '' : new URL(url).host)
