import { type Caucus, type Cluster, connect, type Membership, peer } from 'caucus'
import { freePorts } from '../../../src/testing/trial/peers/ports.ts'

const WAIT_MS = 40_000

/** Three voters and what leans on them, as the pictures show it: all in this process. */
export class Scene {
  readonly url: string
  readonly #peers: readonly Cluster[]
  readonly #connections: Caucus[] = []
  readonly #ended = new AbortController()
  /** What goes on until the scene ends. It rejects when that ends it, or a busy machine is late: nobody in the picture minds. */
  readonly #goingOn: Promise<unknown>[] = []

  private constructor(peers: readonly Cluster[]) {
    this.#peers = peers
    this.url = peers[0]?.url ?? ''
  }

  static async start(): Promise<Scene> {
    const ports = await freePorts(3)
    const voters = ports.map((port, i) => ({ host: '127.0.0.1', port, identifier: `voter-${i + 1}` }))
    const started = voters.map(({ port, identifier }) =>
      peer({
        identifier,
        listen_host: '127.0.0.1',
        listen_port: port,
        // A busy machine is not to have them elect another one in the picture.
        timing: 'wan',
        fresh: true,
        peers: voters.filter((each) => each.identifier !== identifier),
      }),
    )
    return new Scene(await Promise.all(started))
  }

  async #connect(): Promise<Caucus> {
    const [first] = this.#peers
    if (first === undefined) throw new Error('the scene has no peer')
    const caucus = await connect(first.backend)
    this.#connections.push(caucus)
    return caucus
  }

  async join(group: string, id: string, options: object): Promise<Membership> {
    const caucus = await this.#connect()
    return caucus.group(group).join({ id, ...options })
  }

  /** So that there is something to be said about the lead, as the first peer sees it. */
  async #handOver(): Promise<void> {
    const [first, second] = this.#peers
    for await (const leader of first?.watch() ?? []) {
      if (leader === undefined) continue
      const leading = this.#peers.find(({ isLeader }) => isLeader)
      await leading?.transfer(leading === first ? second?.identifier : first?.identifier)
      return
    }
  }

  /** Work as in a shop: indexers, mailers, a scheduler, a service and a topic. */
  async furnish(): Promise<void> {
    await this.#handOver()
    const share = { partitions: 256 }
    const zone = (i: number) => `eu-${(i % 3) + 1}`
    for (const [i, id] of ['node-a', 'node-b', 'node-c', 'node-d'].entries()) {
      await this.join('indexers', id, { share, metadata: { zone: zone(i), version: '4.2.0' } })
    }
    const late = await this.join('indexers', 'node-e', { share, metadata: { zone: zone(4), version: '4.2.1' } })
    await this.settled('indexers')
    await late.leave()
    for (const [i, id] of ['mail-1', 'mail-2', 'mail-3'].entries()) {
      await this.join('mailers', id, { share: 'index', metadata: { zone: zone(i) } })
    }
    for (const id of ['cron-1', 'cron-2']) {
      const caucus = await this.#connect()
      const election = caucus.election('scheduler')
      const leading = election.lead(({ signal }) => until(signal), { id, signal: this.#ended.signal })
      this.#goingOn.push(leading.catch(() => undefined))
    }
    const caucus = await this.#connect()
    for (const [i, id] of ['search-1', 'search-2'].entries()) {
      const address = { host: `10.0.0.${i + 7}`, port: 8080, tags: ['v2'], zone: zone(i) }
      await caucus.service('search').register({ id, ...address })
    }
    for (const [id, tookMs] of Object.entries({ 'shop-1': 40, 'shop-2': 90, 'shop-3': 160, 'shop-4': 600 })) {
      const shop = await this.#connect()
      shop.topic('price').produce(() => later(tookMs), { id, concurrency: 4 })
    }
    this.#goingOn.push(this.#askOn('price'))
    await this.settled('indexers')
    await this.settled('mailers')
  }

  /** Again and again, until the scene ends; the slowest is not waited for. */
  async #askOn(topic: string): Promise<void> {
    const caucus = await this.#connect()
    while (!this.#ended.signal.aborted) {
      const asked = caucus.topic(topic).gather({ sku: 'A-17' }, { withinMs: 300, signal: this.#ended.signal })
      await asked.catch(() => undefined)
      await later(500)
    }
  }

  async settled(group: string): Promise<void> {
    const endMs = Date.now() + WAIT_MS
    for (;;) {
      const answer = await fetch(`${this.url}/v1/groups/${group}`)
      if (answer.ok && ((await answer.json()) as { state: string }).state === 'settled') return
      if (Date.now() > endMs) throw new Error(`${group} did not settle within ${WAIT_MS} ms`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  async close(): Promise<void> {
    this.#ended.abort()
    await Promise.all(this.#goingOn)
    await Promise.all(this.#connections.map((each) => each[Symbol.asyncDispose]()))
    await Promise.all(this.#peers.map((each) => each[Symbol.asyncDispose]()))
  }
}

const until = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

const later = (ms: number): Promise<number> => new Promise((resolve) => setTimeout(() => resolve(ms), ms))
