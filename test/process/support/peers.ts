import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LeadingPeer, PeersView } from '../../../src/ports/peers.ts'
import { type IntervalRecord, readIntervals } from '../../../src/testing/intervals.ts'
import { Checker } from '../../../src/testing/trial/checker.ts'
import { PEERS_TIMING } from '../../../src/testing/trial/peers/peers-setup.ts'
import { freePorts } from '../../../src/testing/trial/peers/ports.ts'
import { reignFaults } from '../../../src/testing/trial/peers/reigns.ts'
import type { FromVoter } from '../../../src/testing/trial/peers/voter.ts'
import { type Running, repository, startNode } from './processes.ts'
import { waitFor } from './wait.ts'

/** Room enough for a busy machine, and still many elections a minute. */
export const TIMING = PEERS_TIMING

/** A voter in a process of its own. */
export interface PeerProcess extends Running {
  readonly id: string
  readonly url: string
  said(): readonly FromVoter[]
  /** `undefined`: it says that nobody leads. */
  leader(): Promise<LeadingPeer | undefined>
  view(): Promise<PeersView>
}

/** A port of loopback that nobody has. */
export const freePort = async (): Promise<number> => (await freePorts(1))[0] as number

/** Some voters of one cluster on loopback, and everything that they write. */
export class PeerWorld {
  readonly directory = mkdtempSync(join(tmpdir(), 'caucus-peers-'))
  readonly ports = new Map<string, number>()
  #logs = 0

  static async of(...ids: readonly string[]): Promise<PeerWorld> {
    const world = new PeerWorld()
    for (const id of ids) await world.addPort(id)
    return world
  }

  async addPort(id: string): Promise<number> {
    const port = await freePort()
    this.ports.set(id, port)
    return port
  }

  options(id: string, change: object = {}): Readonly<Record<string, unknown>> {
    const peers = [...this.ports].map(([identifier, port]) => ({
      identifier,
      host: '127.0.0.1',
      port,
      metadata: { of: identifier },
    }))
    const others = peers.filter(({ identifier }) => identifier !== id)
    const own = { identifier: id, listen_host: '127.0.0.1', listen_port: this.ports.get(id) }
    const dataDir = join(this.directory, id)
    return { ...own, peers: others, metadata: { of: id }, timing: TIMING, dataDir, ...change }
  }

  /** Starts it and does not wait for anything. */
  start(id: string, change: object = {}): PeerProcess {
    const options = this.options(id, change)
    const log = join(this.directory, `claims-${++this.#logs}.ndjson`)
    const script = join(repository, 'dist/testing/trial/peers/voter.js')
    const running = startNode([script, JSON.stringify({ who: `${id}#${this.#logs}`, options, log })])
    const url = `http://127.0.0.1:${String(options.listen_port)}`
    const ask = async (path: string) => fetch(`${url}${path}`)
    return {
      ...running,
      id,
      url,
      said: () =>
        running
          .stdout()
          .split('\n')
          .slice(0, -1)
          .map((line): FromVoter => JSON.parse(line)),
      leader: async () => {
        const response = await ask('/v1/leader')
        return response.ok ? ((await response.json()) as LeadingPeer) : undefined
      },
      view: async () => (await (await ask('/v1/peers')).json()) as PeersView,
    }
  }

  startAll(change: object = {}): PeerProcess[] {
    return [...this.ports.keys()].map((id) => this.start(id, change))
  }

  claims(): IntervalRecord[] {
    return readdirSync(this.directory)
      .filter((name) => name.endsWith('.ndjson'))
      .flatMap((name) => readIntervals(join(this.directory, name)))
  }

  /** What is wrong with all that was claimed: two at once, or a token that did not rise. */
  faults(): string[] {
    const checker = new Checker()
    checker.add(this.claims())
    return reignFaults(checker, { fenced: true })
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** Resolves with the leader once all of these say that it is this one, under a higher token than `after`. */
export const agreed = (peers: readonly PeerProcess[], after = 0): Promise<LeadingPeer> =>
  waitFor(
    `${peers.map(({ id }) => id).join(', ')} to agree on a leader`,
    async () => {
      for (const peer of peers)
        if (peer.ended() !== undefined) throw new Error(`${peer.id} ended: ${peer.stdout()}${peer.stderr()}`)
      const found = await Promise.all(peers.map((peer) => peer.leader().catch(() => undefined)))
      const [first] = found
      return first !== undefined &&
        first.token > after &&
        found.every((each) => each?.identifier === first.identifier && each.token === first.token)
        ? first
        : undefined
    },
    { withinMs: 60_000 },
  )

/** Resolves once it has said something like this. */
export const saying = async (peer: PeerProcess, like: Partial<FromVoter>): Promise<FromVoter> => {
  const said = () =>
    peer.said().find((each) => Object.entries(like).every(([key, value]) => each[key as keyof FromVoter] === value))
  try {
    return await waitFor(`${peer.id} to say ${JSON.stringify(like)}`, said)
  } catch (cause) {
    throw new Error(`${String(cause)}; it said: ${peer.stdout()}${peer.stderr()}`, { cause })
  }
}
