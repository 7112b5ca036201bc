import { CaucusError } from '../errors.ts'
import { type Cluster, type PeerOptions, peer, soundPeer } from '../peer.ts'
import { checkKeys, type QClusterConfiguration } from './qcluster-configuration.ts'

/** What the original has no words for. */
export interface QClusterOptions extends Pick<PeerOptions, 'dataDir' | 'token' | 'tls' | 'insecure'> {
  /** Told why this peer could not start, or failed later: then it neither votes nor leads. Default: a warning of the process. */
  readonly onError?: (error: Error) => void
}

/** A peer of the cluster, as `getLeaderInfo()` gives it. */
export interface QClusterLeader {
  /** Where QCluster's own communication can reach it. */
  readonly host: string
  readonly port: number
  readonly identifier: string
  /** `{}` where nobody has configured any. */
  readonly metadata: unknown
}

const OPTIONS = ['dataDir', 'token', 'tls', 'insecure', 'onError']

/**
 * A peer of a cluster of which one leads, by the names that QCluster has. It starts by itself.
 *
 * `isLeader()` is never true on two peers at once, and is compared with the clock at each call; `getLeaderInfo()` is `null` while there is
 * no majority that could have a leader. Without a `dataDir` a peer that restarts waits before it votes, as long as an election may take.
 */
export class QCluster implements AsyncDisposable {
  readonly #options: PeerOptions
  readonly #onError: (error: Error) => void
  #cluster: Cluster | undefined
  #started: Promise<void> | undefined
  #stopped: Promise<void> = Promise.resolve()

  /** Throws `CAUCUS_INVALID_CONFIG` that names everything that is wrong: an entry without an identifier, or with one that is taken. */
  constructor(configuration: QClusterConfiguration, options: QClusterOptions = {}) {
    checkKeys(configuration)
    const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name))
    if (unknown !== undefined)
      throw new CaucusError(
        'CAUCUS_INVALID_ARGUMENT',
        `QCluster: there is no option ${JSON.stringify(unknown.slice(0, 64))}; there is ${OPTIONS.join(', ')}`,
      )
    const { onError = warn, ...rest } = options
    this.#onError = onError
    this.#options = { ...configuration, ...rest, onFault: (error) => this.#failed(error) }
    soundPeer(this.#options)
    // Who does not wait for it is told by `onError`.
    this.start().catch(() => {})
  }

  /** Whether this peer leads now. Ask again before each piece of work. */
  isLeader(): boolean {
    return this.#cluster?.isLeader ?? false
  }

  /** Who leads, also when that is this peer; `null` while nobody does, as far as it is known here. */
  getLeaderInfo(): QClusterLeader | null {
    const leader = this.#cluster?.leader
    if (leader === undefined) return null
    const { host, port, identifier, metadata } = leader
    return { host, port, identifier, metadata }
  }

  /**
   * Takes part, after a `stop`; a new one does so by itself. Resolves once it listens, and rejects when it cannot: somebody else has the
   * port, or the data directory.
   */
  start(): Promise<void> {
    if (this.#started === undefined) {
      const started = this.#stopped.then(() => this.#start())
      this.#started = started
      started.catch((error: unknown) => {
        if (this.#started === started) this.#started = undefined
        this.#failed(error)
      })
    }
    return this.#started
  }

  /** Hands leadership over, if it has it, and takes no part any more. Resolves once the port is free. */
  stop(): Promise<void> {
    const started = this.#started
    if (started !== undefined) {
      this.#started = undefined
      this.#stopped = started.then(
        () => this.#stop(),
        // Why it did not start has been told, and there is nothing to stop.
        () => undefined,
      )
    }
    return this.#stopped
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #start(): Promise<void> {
    this.#cluster = await peer(this.#options)
  }

  async #stop(): Promise<void> {
    const cluster = this.#cluster
    await cluster?.close()
    this.#cluster = undefined
  }

  #failed(error: unknown): void {
    const told = error instanceof Error ? error : new CaucusError('CAUCUS_BACKEND', String(error))
    // Afterwards, so that a function that throws is heard of as any uncaught error is and breaks nothing here.
    queueMicrotask(() => this.#onError(told))
  }
}

const warn = (error: Error): void => process.emitWarning(error)
