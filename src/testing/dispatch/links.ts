import type { Random } from '../../core/random.ts'
import { exponential } from '../simulation/conditions.ts'
import { type Direction, Network } from '../simulation/network.ts'
import type { DispatchBench } from './bench.ts'
import type { ClientProcess } from './client.ts'
import type { Link } from './link.ts'
import type { Down, Up } from './messages.ts'
import type { ServerProcess } from './server.ts'

/** Where links end. */
export interface Ends {
  readonly server: ServerProcess | undefined
  clientOf(link: Link): ClientProcess | undefined
}

/** Answers that were sent, and may be heard again. */
interface Sent {
  readonly link: Link
  readonly message: Up
}

const REMEMBERED = 50

/** Links between processes and runs of the server: made, cut, and made again. */
export class Links {
  readonly network: Network
  readonly #bench: DispatchBench
  readonly #ends: Ends
  readonly #open = new Set<Link>()
  /** Links whose process does not read, by link: how much more may wait. */
  readonly #choked = new Map<Link, number>()
  readonly #sent: Sent[] = []
  #sends = 0
  #numbers = 0

  constructor(bench: DispatchBench, ends: Ends) {
    const { faults, delayMs, workMs } = bench.conditions
    this.#bench = bench
    this.#ends = ends
    const timing = { heartbeatMs: 10 * (delayMs + workMs), leaseMs: 50 * (delayMs + workMs) }
    this.network = new Network(bench.agenda, { faults, delayMs, timing }, () => bench.count('fullQueue'))
  }

  /** Keeps trying until it has a link. */
  connect(client: ClientProcess, random: Random): void {
    const { agenda, conditions } = this.#bench
    agenda.after(conditions.reconnectMs * random.next(), () => {
      if (!client.alive || client.isLinked) return
      const { server } = this.#ends
      if (server === undefined) return this.connect(client, random)
      const link = this.#newLink(client, server.run, random)
      this.#open.add(link)
      this.network.carry(link.up, () => {
        if (link.cut !== 'no' || this.#ends.server !== server) return this.#missed(client, link, random)
        link.serverOpen = true
        server.linked(link)
        this.network.carry(link.down, () => {
          if (link.cut === 'no' && client.alive) client.post({ type: 'linked', link })
          else this.#missed(client, link, random)
        })
      })
    })
  }

  #missed(client: ClientProcess, link: Link, random: Random): void {
    this.#forget(link)
    this.connect(client, random)
  }

  #newLink(client: ClientProcess, run: number, random: Random): Link {
    const number = ++this.#numbers
    const own = random.fork(`link ${++client.links}`)
    const lane = (direction: Direction) => ({ node: client.name, direction, arrivedAt: 0, random: own.fork(direction) })
    return {
      number,
      client: client.name,
      run,
      up: lane('up'),
      down: lane('down'),
      cut: 'no',
      clientOpen: true,
      serverOpen: false,
    }
  }

  up(link: Link, message: Up): void {
    const sender = link.client
    const number = this.#bench.sending(sender, message)
    if (message.type === 'answers') this.#sent[this.#sends++ % REMEMBERED] = { link, message }
    if (link.cut !== 'no') return
    this.network.carry(link.up, () => {
      const { server } = this.#ends
      if (link.cut === 'yes' || server?.run !== link.run) return
      this.#bench.arriving('server', number, message)
      server.post({ type: 'received', link, message })
    })
  }

  /** False when there is no room for what can be done without. */
  down(link: Link, message: Down, optional: boolean): boolean {
    const room = this.#choked.get(link)
    if (room !== undefined) {
      if (room <= 0 && optional) return false
      this.#choked.set(link, room - 1)
    }
    const number = this.#bench.sending('server', message)
    if (link.cut !== 'no') return true
    this.network.carry(link.down, () => {
      if (link.cut === 'yes') return
      const client = this.#ends.clientOf(link)
      if (client === undefined) return
      this.#bench.arriving(link.client, number, message)
      client.post({ type: 'received', link, message })
    })
    return true
  }

  /** Its process does not read for a while; what waits meanwhile is bounded, and beyond that the link is cut. */
  choke(link: Link, forMs: number, random: Random): void {
    const { agenda, conditions } = this.#bench
    if (link.cut !== 'no') return
    this.#bench.count('fullQueue')
    this.#choked.set(link, conditions.linkRoom)
    const overflows = () => this.cut(link, random)
    this.network.choke(link.client, 'down', { forMs, room: conditions.linkRoom * 4, overflows })
    agenda.after(forMs, () => this.#unchoke(link))
  }

  #unchoke(link: Link): void {
    if (!this.#choked.delete(link)) return
    const { server } = this.#ends
    if (server?.alive && !server.standsStill) server.flushGaps()
  }

  /** The link is gone, and each side hears of it sooner or later. */
  cut(link: Link, random: Random, told: { readonly client?: boolean; readonly server?: boolean } = {}): void {
    if (link.cut !== 'no') return
    const bench = this.#bench
    // The next link of the process has a queue of its own.
    this.#choked.delete(link)
    this.network.unchoke(link.client, 'down')
    link.cut = bench.happens('afterlife', random, 0.5) ? 'afterlife' : 'yes'
    bench.note('network', 'cuts', link.client, link.number)
    bench.tell({ who: 'network', kind: 'fault', what: `the link of ${link.client} is cut` })
    const { delayMs, workMs } = bench.conditions
    const late = () => (bench.happens('halfOpen', random, 0.5) ? exponential(random, 20 * (delayMs + workMs)) : 0)
    const lateMs = { client: late(), server: late() }
    if (told.client !== false) bench.agenda.after(delayMs + lateMs.client, () => this.#tellClient(link))
    if (told.server !== false) bench.agenda.after(delayMs + lateMs.server, () => this.#tellServer(link))
  }

  #tellClient(link: Link): void {
    this.#forget(link)
    this.#ends.clientOf(link)?.post({ type: 'unlinked', link })
  }

  #tellServer(link: Link): void {
    const { server } = this.#ends
    if (server?.run === link.run) server.post({ type: 'unlinked', link })
  }

  #forget(link: Link): void {
    this.#choked.delete(link)
    if (this.#open.delete(link)) this.network.unchoke(link.client, 'down')
  }

  /** The server has ended. */
  cutAll(run: number, random: Random): void {
    for (const link of [...this.#open]) if (link.run === run) this.cut(link, random, { server: false })
  }

  /** Answers that were sent lately arrive once more, also over a link that is gone. False when there are none. */
  replay(random: Random): boolean {
    const sent = this.#sent[random.below(this.#sent.length)]
    const { server } = this.#ends
    if (sent === undefined || server?.run !== sent.link.run) return false
    this.#bench.note('network', 'replays', sent.message, sent.link.number)
    this.#bench.tell({ who: 'network', kind: 'fault', what: `answers of ${sent.link.client} arrive once more` })
    server.post({ type: 'received', link: sent.link, message: sent.message })
    return true
  }

  /** Nothing goes wrong any more, and whoever has not heard of a link's end hears of it now. */
  heal(): void {
    this.network.kind = true
    for (const link of [...this.#choked.keys()]) this.#unchoke(link)
    for (const link of [...this.#open]) {
      if (link.cut === 'no') continue
      this.#tellServer(link)
      this.#tellClient(link)
    }
  }
}
