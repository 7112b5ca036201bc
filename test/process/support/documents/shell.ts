import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Caucus, type Cluster, connect, peer, remote } from 'caucus'
import { freePorts } from '../../../../src/testing/servers/ports.ts'
import { repository, startServer } from '../processes.ts'
import { waitFor } from '../wait.ts'
import type { Block } from './blocks.ts'
import { type Program, runProgram } from './program.ts'

/** No page shows a failover, and there are three voters in the process of all these tests. */
const PATIENT = {
  settleMs: 100,
  leaseMs: 6_000,
  heartbeatMs: 1_000,
  reconnectMaxMs: 500,
  leaderHeartbeatMs: 100,
  electionMinMs: 1_000,
  electionMaxMs: 1_500,
  leaderLeaseMs: 800,
}

const LIMIT_MS = 200_000
/** Ours and npm's are started by shims.mjs; systemd has none of the units that a page is about. */
const SHIMMED = ['caucus', 'curl', 'npm', 'npx', 'node']
const SERVERS = /\b(?:127\.0\.0\.1|localhost):89(?:89|90|91)\b/g
const PEERS = /\b700[123]\b/g

/** Who is there when somebody types what a page says, and where. */
export class Scene implements AsyncDisposable {
  readonly folder: string
  readonly port: number
  readonly #peerPorts: readonly number[]
  #servers: readonly string[] = []
  #clusters: readonly Cluster[] = []
  #caucus: Caucus | undefined

  static async open(folder: string, code: string): Promise<Scene> {
    const [port = 0, ...peerPorts] = await freePorts(4)
    const scene = new Scene(folder, port, peerPorts)
    scene.#furnish(code)
    const isCluster = /^caucus (leader|transfer)\b/m.test(code)
    if (isCluster) await scene.#cluster()
    // The page starts its own.
    else if (/\bcaucus serve\b/.test(code)) scene.#servers = [`http://127.0.0.1:${port}`]
    else if (/\bcaucus |\bcurl /.test(code)) {
      scene.#servers = [(await startServer(['--fresh', '-t', '2', '-s', '0.1'])).url]
    }
    if (isCluster || !/\bcaucus serve\b/.test(code)) await scene.#populate()
    return scene
  }

  private constructor(folder: string, port: number, peerPorts: readonly number[]) {
    this.folder = folder
    this.port = port
    this.#peerPorts = peerPorts
  }

  /** Runs all that a page says, in one shell, as somebody who follows it from top to bottom. */
  run(blocks: readonly Block[]): Promise<Program> {
    const [address = `127.0.0.1:${this.port}`] = this.#servers.map((url) => new URL(url).host)
    const script = blocks
      .map(({ where, code }) => `echo '--- ${where}' >&2\n${code}`)
      .join('\n')
      .replaceAll(SERVERS, (from) =>
        from.startsWith('localhost') ? address.replace('127.0.0.1', 'localhost') : address,
      )
      .replaceAll(PEERS, (peer) => String(this.#peerPorts[Number(peer) - 7001]))
      .replaceAll(/(?<=\s)\/var\/lib\//g, `${this.folder}/var/lib/`)
    const env = {
      PATH: `${join(this.folder, 'bin')}:${process.env.PATH}`,
      CAUCUS_SERVER: this.#servers.join(','),
      DOCUMENT_PATH: process.env.PATH,
      DOCUMENT_PORT: String(this.port),
      TOKEN: 'none-is-asked-for',
      NO_COLOR: '1',
    }
    return runProgram(['sh', '-euc', script], { folder: this.folder, env, withinMs: LIMIT_MS })
  }

  /** The programs and files that a page takes for granted. */
  #furnish(code: string): void {
    const bin = join(this.folder, 'bin')
    mkdirSync(bin, { recursive: true })
    const write = (file: string, text: string) => {
      writeFileSync(join(this.folder, file), text)
      chmodSync(join(this.folder, file), 0o755)
    }
    const shims = join(repository, 'test/process/support/documents/shims.mjs')
    for (const name of SHIMMED) write(`bin/${name}`, `#!/bin/sh\nexec '${process.execPath}' '${shims}' ${name} "$@"\n`)
    write('bin/systemctl', '#!/bin/sh\n')
    // A share is worked on until it is taken away; a leader has its say; what is asked is answered.
    const programs = { work: 'exec sleep 600', elect: 'echo "$CAUCUS_TOKEN"', answer: 'cat' }
    for (const [command, text] of Object.entries(programs)) {
      for (const [, name = ''] of code.matchAll(new RegExp(`\\bcaucus ${command} .*-- \\./([\\w-]+)`, 'g'))) {
        write(name, `#!/bin/sh\n${text}\n`)
      }
    }
    write('scheduler.js', 'console.log(process.env.CAUCUS_TOKEN)\n')
    write('answer.py', 'import json\nprint(json.dumps({"cents": 119}))\n')
    const self = { identifier: 'a', host: '127.0.0.1', port: this.port }
    write(
      'caucus.json',
      JSON.stringify({ identifier: 'a', listen_host: '127.0.0.1', listen_port: this.port, peers: [self] }),
    )
    symlinkSync(join(repository, 'deploy'), join(this.folder, 'deploy'))
  }

  async #cluster(): Promise<void> {
    const peers = this.#peerPorts.map((port, n) => ({ identifier: `caucus-${n}`, host: '127.0.0.1', port }))
    const start = ({ identifier, port }: (typeof peers)[number]) =>
      peer({ identifier, listen_host: '127.0.0.1', listen_port: port, peers, timing: PATIENT })
    this.#clusters = await Promise.all(peers.map(start))
    this.#servers = this.#clusters.map(({ url }) => url)
    await waitFor('a leader', () => this.#clusters.every(({ leader }) => leader !== undefined))
  }

  /** Who is at work where the pages look on. */
  async #populate(): Promise<void> {
    if (this.#servers.length === 0) return
    const caucus = await connect(remote(this.#servers))
    this.#caucus = caucus
    const join = (id: string) => caucus.group('jobs').join({ id, share: { partitions: 64 } })
    const [a] = await Promise.all([join('a'), join('b')])
    await a.settled()
    await caucus
      .service('search')
      .register({ id: 'search-1', host: '10.0.0.7', port: 8080, tags: ['v2'], zone: 'eu-1' })
    const producers = [
      caucus.topic('price').produce(() => ({ cents: 119 }), { id: 'shop-7' }),
      caucus.topic('cache.flush').produce(() => ({ entries: 1 }), { id: 'web-1' }),
    ]
    await waitFor('the producers', async () => {
      const views = await Promise.all(producers.map(({ topic }) => caucus.topic(topic).view()))
      return views.every((view) => view !== undefined)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#caucus?.close()
    await Promise.all(this.#clusters.map((cluster) => cluster[Symbol.asyncDispose]()))
  }
}
