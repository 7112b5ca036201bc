import { fileURLToPath } from 'node:url'
import { Child } from './child.ts'
import type { Reach } from './coordination.ts'
import type { FromNetwork, ToNetwork } from './messages.ts'

const PROXY = fileURLToPath(new URL('./proxy.js', import.meta.url))
const HOST = '127.0.0.1'
const STOP_LIMIT_MS = 1_000

/** Stands between the workers and the demo's own servers, so that a worker can be cut off from all of them. */
export class Network {
  readonly #proxy = new Child('the network', [PROXY])
  readonly #waiting = new Map<string, { open(ports: readonly number[]): void; fail(error: unknown): void }>()

  /** `failed`: no worker reaches any server any more. */
  constructor(failed: (error: unknown) => void) {
    this.#proxy.onMessage((message) => {
      const { name, ports } = message as FromNetwork
      this.#waiting.get(name)?.open(ports)
      this.#waiting.delete(name)
    })
    void this.#proxy.ended.then(() => {
      if (this.#isStopping) return
      const error = this.#proxy.endedTooEarly()
      for (const { fail } of this.#waiting.values()) fail(error)
      failed(error)
    })
  }

  #isStopping = false

  /** Resolves with a way to the same servers that can be cut. */
  async reachFor(worker: string, reach: Reach): Promise<Reach> {
    if (reach.type !== 'servers') return reach
    const targets = reach.urls.map((url) => ({ host: new URL(url).hostname, port: Number(new URL(url).port) }))
    const ports = await new Promise<readonly number[]>((open, fail) => {
      this.#waiting.set(worker, { open, fail })
      this.#tell({ type: 'open', name: worker, targets })
    })
    return { type: 'servers', urls: ports.map((port) => `http://${HOST}:${port}`) }
  }

  cut(worker: string): void {
    this.#tell({ type: 'cut', name: worker })
  }

  heal(worker: string): void {
    this.#tell({ type: 'heal', name: worker })
  }

  /** That worker is gone. */
  forget(worker: string): void {
    this.#tell({ type: 'close', name: worker })
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    await this.#proxy.stop(() => this.#proxy.signal('SIGTERM'), STOP_LIMIT_MS)
  }

  killAll(): void {
    this.#isStopping = true
    this.#proxy.signal('SIGKILL')
  }

  #tell(message: ToNetwork): void {
    this.#proxy.send(message)
  }
}
