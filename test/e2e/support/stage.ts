import { type Caucus, connect, type Membership, remote } from 'caucus'
import {
  Access,
  hostCoordinator,
  type Listening,
  listen,
  Meter,
  memoryStore,
  parseTokenFile,
  systemClocks,
} from 'caucus/server'
import type { CoordinatorHosting } from '../../../src/ports/hosting.ts'

const DEFAULTS = { leaseMs: 6_000, settleMs: 300, settleCapMs: 2_000, drainLimitMs: 2_000, staticGraceMs: 5_000 }

export interface StageOptions {
  /** As in a token file: who may do what. */
  readonly rules?: string
  readonly port?: number
}

/** A server with members, all in this process. */
export class Stage {
  readonly #listening: Listening
  readonly #connections: Caucus[] = []
  readonly hosting: CoordinatorHosting

  private constructor(listening: Listening, hosting: CoordinatorHosting) {
    this.#listening = listening
    this.hosting = hosting
  }

  static async start({ rules, port = 0 }: StageOptions = {}): Promise<Stage> {
    const meter = new Meter()
    const hosting = await hostCoordinator({
      clock: systemClocks.grantor,
      wallMs: () => Date.now(),
      store: memoryStore({ instanceId: 'the-stage' }),
      defaults: DEFAULTS,
      fresh: true,
      limits: { groups: 100, membersPerGroup: 6_000 },
      telemetry: meter,
      onFault: (error) => {
        throw error
      },
    })
    const access = rules === undefined ? {} : { access: new Access(parseTokenFile(rules, 'the test')) }
    const listening = await listen({ hosting, port, meter, version: '0.0.0', ...access })
    return new Stage(listening, hosting)
  }

  get url(): string {
    return this.#listening.url
  }

  async connect(token?: string): Promise<Caucus> {
    const caucus = await connect(remote([this.url], token === undefined ? {} : { token }))
    this.#connections.push(caucus)
    return caucus
  }

  /** Members of one group, each with a connection of its own, once it has settled. */
  async members(group: string, ids: readonly string[], join: object = {}, token?: string): Promise<Membership[]> {
    const all = await Promise.all(
      ids.map(async (id) => (await this.connect(token)).group(group).join({ id, share: { partitions: 64 }, ...join })),
    )
    await this.until(() => this.hosting.viewOf(group)?.state === 'settled')
    return all
  }

  async until(is: () => boolean): Promise<void> {
    const endMs = Date.now() + 20_000
    while (!is()) {
      if (Date.now() > endMs) throw new Error('it did not come to that within 20 s')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  /** The server goes, and its members do not know yet. */
  stopServing(): Promise<void> {
    return this.#listening.close({ drain: false })
  }

  /** The same coordinator listens there again. */
  async serveAgain(): Promise<Listening> {
    return listen({ hosting: this.hosting, port: this.#listening.port, version: '0.0.0' })
  }

  async close(): Promise<void> {
    await Promise.all(this.#connections.map((each) => each[Symbol.asyncDispose]()))
    await this.#listening.close({ drain: false })
    await this.hosting.close()
  }
}
