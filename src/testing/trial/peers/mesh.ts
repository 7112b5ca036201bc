import { FaultProxy } from '../fault-proxy.ts'
import type { LineFault } from '../pump.ts'

export interface Cut {
  readonly from: readonly string[]
  readonly to: readonly string[]
  /** Bytes are kept until it is over, or are not even read; or lost, which garbles what follows. */
  readonly fault: LineFault
  /** Only what `from` says; by default neither side hears the other. */
  readonly oneWay?: boolean
}

/**
 * The lines between some peers: a proxy for each of them and each other one. A peer asks on the connections that it makes and answers on
 * those of others, so what it says goes up the one and down the other.
 */
export class Mesh {
  readonly #proxies = new Map<string, FaultProxy>()

  static async start(ports: ReadonlyMap<string, number>): Promise<Mesh> {
    const mesh = new Mesh()
    for (const from of ports.keys()) {
      for (const [to, port] of ports) {
        if (from !== to) mesh.#proxies.set(`${from} ${to}`, await FaultProxy.start(`127.0.0.1:${port}`))
      }
    }
    return mesh
  }

  /** Where `from` finds `to`. */
  portOf(from: string, to: string): number {
    return this.#proxy(from, to).port
  }

  cut({ from, to, fault, oneWay = false }: Cut): void {
    for (const one of from) {
      for (const other of to) {
        if (one === other) continue
        this.#say(one, other, fault)
        if (!oneWay) this.#say(other, one, fault)
      }
    }
  }

  /** Ends every connection between them, and new ones are not answered, or refused, until it is healed. */
  async sever(some: readonly string[], others: readonly string[], welcome: 'mute' | 'refuse'): Promise<void> {
    for (const one of some) {
      for (const other of others) {
        if (one === other) continue
        for (const proxy of [this.#proxy(one, other), this.#proxy(other, one)]) {
          await proxy.welcome(welcome)
          proxy.cut()
        }
      }
    }
  }

  /** Ends every connection, and that is all. */
  reset(how: 'fin' | 'rst'): void {
    for (const proxy of this.#proxies.values()) proxy.cut(how)
  }

  /** Everything as it should be. */
  async heal(): Promise<void> {
    for (const proxy of this.#proxies.values()) await proxy.heal()
  }

  async close(): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.close()))
  }

  #say(from: string, to: string, fault: LineFault): void {
    this.#proxy(from, to).set('up', fault)
    this.#proxy(to, from).set('down', fault)
  }

  #proxy(from: string, to: string): FaultProxy {
    const proxy = this.#proxies.get(`${from} ${to}`)
    if (proxy === undefined) throw new Error(`there is no line from ${from} to ${to}`)
    return proxy
  }
}
