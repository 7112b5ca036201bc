import { randomBytes } from 'node:crypto'
import { type Engine, MAX_OPERATIONS } from '../../backends/etcd/engine.ts'
import { Keys } from '../../backends/etcd/keys.ts'
import { coordinatorOf } from '../../backends/etcd/parsed.ts'
import { type Caucus, connect } from '../../client/connect.ts'
import type { Coordinate, Coordination, Coordinator, EtcdReach, Reach } from '../../demo/coordination.ts'
import type { Picture } from '../../demo/group.ts'
import { backendFor, credentialsOf } from '../../demo/reaching.ts'
import { isCaucusError } from '../../errors.ts'
import { systemClocks } from '../../runtime/system-clock.ts'
import { withPackage } from '../optional-package.ts'
import { forShell } from '../shell.ts'

const CLEAR_TRIES = 8

/** Has the workers of a demo coordinate each other on this etcd, under a prefix that is gone when the demo is over. */
export const coordinateOnEtcd =
  (reach: Omit<EtcdReach, 'prefix'>): Coordinate =>
  (_, signal) =>
    new OnEtcd({ ...reach, prefix: `caucus-demo/${randomBytes(6).toString('hex')}/` }, signal)

class OnEtcd implements Coordination {
  readonly reach: Reach
  readonly #etcd: EtcdReach
  readonly #signal: AbortSignal
  readonly #keys: Keys
  #caucus: Caucus | undefined
  #engine: Engine | undefined

  constructor(etcd: EtcdReach, signal: AbortSignal) {
    this.reach = { type: 'etcd', ...etcd }
    this.#etcd = etcd
    this.#signal = signal
    this.#keys = new Keys(etcd.prefix)
  }

  get look(): string {
    const { endpoints, prefix } = this.#etcd
    return `caucus status --etcd ${endpoints.map(forShell).join(',')} --etcd-prefix ${prefix}`
  }

  async start(): Promise<void> {
    const factory = await backendFor(this.reach)
    this.#caucus = await withPackage('etcd3', '--backend etcd', () => connect(factory, { signal: this.#signal }))
    const { openEngine } = await import('../../backends/etcd/etcd3/index.ts')
    const { endpoints } = this.#etcd
    this.#engine = openEngine({ endpoints, clock: systemClocks.grantor, ...credentialsOf(this.#etcd) })
  }

  /** As anybody sees it who joins nothing. */
  async picture(group: string): Promise<Picture | undefined> {
    return this.#caucus?.group(group).view({ signal: this.#signal })
  }

  /** Whoever coordinates says so with the number of its process. */
  async findCoordinator(): Promise<Coordinator | undefined> {
    const then = [{ type: 'get', key: this.#keys.coordinator }] as const
    const [entry] = (await this.#engine?.transact({ then }))?.found ?? []
    const { process = '' } = (entry && coordinatorOf(entry.value)) ?? {}
    const pid = Number(process.split('/')[1])
    return Number.isInteger(pid) ? { pid } : undefined
  }

  /** Nothing of it stays in somebody's etcd. */
  async stop(): Promise<void> {
    await this.#caucus?.close()
    const engine = this.#engine
    if (engine === undefined) return
    try {
      await this.#patiently(() => this.#clear(engine))
    } finally {
      await engine.close()
    }
  }

  /** One call that is too late on a busy machine is no reason to leave something behind; what is removed twice is removed. */
  async #patiently(action: () => Promise<void>): Promise<void> {
    for (let left = CLEAR_TRIES; ; left--) {
      try {
        return await action()
      } catch (error) {
        if (left === 1 || !isCaucusError(error) || !error.retriable) throw error
      }
    }
  }

  async #clear(engine: Engine): Promise<void> {
    const { entries } = await engine.list(this.#etcd.prefix)
    for (let first = 0; first < entries.length; first += MAX_OPERATIONS) {
      const some = entries.slice(first, first + MAX_OPERATIONS)
      await engine.transact({ then: some.map(({ key }) => ({ type: 'delete', key })) })
    }
  }

  /** It has no process of its own. */
  killAll(): void {}
}
