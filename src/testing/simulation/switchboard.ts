import type { CoordinatorMessage, MemberMessage } from '../../core/group/messages.ts'
import type { Address } from '../../core/group/session.ts'
import type { Random } from '../../core/random.ts'
import type { Bench } from './bench.ts'
import type { CoordinatorProcess } from './coordinator-process.ts'
import type { Link } from './link.ts'
import type { MemberProcess } from './member-process.ts'
import { type Direction, Network } from './network.ts'
import type { ServerRoom } from './server-room.ts'

/** Sent once, and perhaps to be heard again later. */
type Sent =
  | { readonly direction: 'up'; readonly link: Link; readonly from: Address; readonly message: MemberMessage }
  | { readonly direction: 'down'; readonly link: Link; readonly message: CoordinatorMessage }

interface End {
  readonly link: Link
  readonly member: MemberProcess
}

const REMEMBERED = 100
const SERVER = 'server'

/**
 * Links between members and runs of the coordinator: made, greeted, broken, made again. Members without a link call: each message has an
 * address of its own, to which one answer comes back and nothing is ever pushed.
 *
 * What is late may come to another run of the same server, never to another server: nothing but the link tells two servers apart whose
 * generations happen to be the same, as after a lost store and a wall clock that went back.
 */
export class Switchboard {
  readonly network: Network
  readonly #bench: Bench
  readonly #room: ServerRoom
  readonly #links = new Map<Address, End>()
  /** Calls that wait for their answer. */
  readonly #calls = new Map<Address, End>()
  readonly #sent: Sent[] = []
  #sends = 0
  #numbers = 0

  constructor(bench: Bench, room: ServerRoom) {
    this.#bench = bench
    this.#room = room
    this.network = new Network(bench.agenda, bench.conditions, (fault) => bench.count(fault))
  }

  /** Keeps trying; a link that stays without a greeting, or silent for a lease, is given up for another. */
  connect(member: MemberProcess, afterMs = 0): void {
    const { agenda, conditions } = this.#bench
    agenda.after(afterMs + member.ways.next() * conditions.timing.reconnectMaxMs, () => {
      if (!member.alive || member.final || member.link?.open) return
      const coordinator = this.#room.current
      if (coordinator === undefined) return this.connect(member)
      const link = this.#link(member, coordinator)
      member.link = link
      member.heardAt = agenda.now
      const end = { link, member }
      this.#links.set(link.number, end)
      if (link.calls) this.#calls.set(link.number, end)
      this.network.carry(link.up, () => this.#linked(end))
      this.#watch(member, link)
    })
  }

  #link(member: MemberProcess, { run, server }: CoordinatorProcess): Link {
    const random = member.ways.fork(`link ${++member.links}`)
    const lane = { node: member.id, arrivedAt: 0 }
    return {
      number: ++this.#numbers,
      run,
      server,
      calls: member.calls,
      up: { ...lane, direction: 'up', random: random.fork('up') },
      down: { ...lane, direction: 'down', random: random.fork('down') },
      greeted: false,
      heard: false,
      open: true,
    }
  }

  #linked({ link, member }: End): void {
    const listening = this.#room.current
    if (listening?.run !== link.run) return
    // A server of another version refuses whoever knocks; the driver tries again, with patience.
    if (this.#room.foreign) return this.#goAway(member, link)
    listening.post({ type: 'linked', from: link.number })
  }

  #goAway(member: MemberProcess, link: Link): void {
    const { heartbeatMs } = this.#bench.conditions.timing
    this.#bench.agenda.after(heartbeatMs * 0.1 * member.ways.next(), () => {
      if (member.link === link) this.hangUp(member, heartbeatMs)
    })
  }

  #watch(member: MemberProcess, link: Link): void {
    const { agenda, conditions } = this.#bench
    // Whoever calls has no link that could be silent.
    if (link.calls && link.greeted) return
    const patienceMs = link.greeted ? conditions.timing.leaseMs / 2 : conditions.timing.leaseMs / 4
    agenda.after(conditions.timing.heartbeatMs, () => {
      if (!link.open || member.link !== link || !member.alive) return
      if (agenda.now - member.heardAt > patienceMs + 2 * conditions.delayMs) this.hangUp(member)
      else this.#watch(member, link)
    })
  }

  hangUp(member: MemberProcess, afterMs = 0): void {
    const { link } = member
    if (link === undefined || !link.open) return
    link.open = false
    this.#bench.note(member.bootId, 'unlinked', undefined, link.number)
    this.#bench.tell({ who: member.bootId, what: 'unlinked' })
    member.post({ type: 'unlinked' })
    this.connect(member, afterMs)
  }

  /** The coordinator's end is gone: those at the other end notice soon. */
  breakAll(): void {
    for (const { link, member } of this.#links.values()) {
      if (!link.open || link.calls) continue
      this.#bench.agenda.after(member.ways.next() * this.#bench.conditions.timing.heartbeatMs * 0.2, () => {
        if (member.link === link) this.hangUp(member)
      })
    }
  }

  /** The sender's queue is full. Either end cuts such a link; what comes in from one may also just be dropped for a while. */
  choke(member: MemberProcess, direction: Direction, forMs: number, random: Random): boolean {
    const { link } = member
    if (link === undefined || !link.open || link.calls) return false
    const cuts = direction === 'down' || random.next() < 0.5
    this.network.choke(member.id, direction, {
      forMs,
      room: random.below(6),
      overflows: () => {
        if (!cuts || member.link !== link) return
        this.network.unchoke(member.id, direction)
        if (direction === 'up') this.#bench.agenda.after(0, () => member.link === link && this.hangUp(member))
        else this.#goAway(member, link)
      },
    })
    return true
  }

  up(member: MemberProcess, sent: MemberMessage): void {
    const { link } = member
    if (link === undefined || !link.open) return
    const message = this.#aged(sent, link)
    const from = link.calls ? ++this.#numbers : link.number
    if (link.calls) this.#calls.set(from, { link, member })
    this.#remember({ direction: 'up', link, from, message })
    const number = this.#bench.sending(member.bootId, message)
    // Calls go over connections of their own and do not wait for each other.
    const lane = link.calls ? { ...link.up, arrivedAt: 0 } : link.up
    this.network.carry(lane, () => this.#arriveUp({ link, member }, from, message, number))
  }

  /** As a version would send it that has not heard of some of the optional fields. */
  #aged(message: MemberMessage, link: Link): MemberMessage {
    if (message.type !== 'renew' || !this.#bench.has('olderPackets') || link.up.random.next() > 0.15) return message
    this.#bench.count('olderPackets')
    const { incarnation, generation, share, leaving, weight, static: isStatic, ...rest } = message
    const keeps = () => link.up.random.next() < 0.5
    return {
      ...rest,
      ...(incarnation !== undefined && keeps() && { incarnation }),
      ...(generation !== undefined && keeps() && { generation }),
      ...(share !== undefined && keeps() && { share }),
      ...(leaving !== undefined && keeps() && { leaving }),
      ...(weight !== undefined && keeps() && { weight }),
      ...(isStatic !== undefined && keeps() && { static: isStatic }),
    }
  }

  #arriveUp({ link, member }: End, from: Address, message: MemberMessage, number: number): void {
    const coordinator = this.#room.current
    if (coordinator === undefined || this.#room.foreign) return
    if (coordinator.server !== link.server) {
      // Whoever calls has no link that would tell it: the answer does.
      if (link.calls && member.link === link) this.hangUp(member)
      return
    }
    if (!link.calls && (coordinator.run !== link.run || !link.open)) {
      if (!this.#bench.has('oldLinks')) return
      // A late join to another run is safe but not free (docs/simulator.md), so a failover that must cost nothing is spared it.
      if (this.#bench.conditions.profile === 'failover' && !('generation' in message)) return
      this.#bench.count('oldLinks')
    }
    if (!link.heard && this.#bench.has('oneWayPartition')) this.#deafen(link)
    link.heard = true
    this.#bench.arriving(SERVER, number, message)
    coordinator.post({ type: 'received', from, message })
  }

  /** The worst moment to be cut off: what the member claims is heard, and the answer is not. */
  #deafen({ down: { node, random } }: Link): void {
    if (random.next() > 0.15) return
    this.#bench.count('oneWayPartition')
    this.network.cut(node, ['down'], this.#bench.conditions.timing.leaseMs * 4 * random.next())
  }

  down(address: Address, message: CoordinatorMessage): void {
    const to = this.#calls.get(address) ?? this.#links.get(address)
    if (to === undefined) return
    const { link, member } = to
    if (link.calls) {
      if (!this.#calls.delete(address)) return
      this.#bench.count('calls')
    }
    this.#remember({ direction: 'down', link, message })
    const number = this.#bench.sending(SERVER, message)
    const lane = link.calls ? { ...link.down, arrivedAt: 0 } : link.down
    this.network.carry(lane, () => this.#arriveDown(link, member, message, number))
  }

  #arriveDown(link: Link, member: MemberProcess, message: CoordinatorMessage, number: number): void {
    if (!member.alive || member.link?.server !== link.server) return
    const isOld = member.link !== link || !link.open
    if (isOld) {
      if (!this.#bench.has('oldLinks')) return
      this.#bench.count('oldLinks')
    }
    this.#bench.arriving(member.bootId, number, message)
    if (!isOld) {
      member.heardAt = this.#bench.now
      if (message.type === 'hello' && !link.greeted) {
        link.greeted = true
        const { instanceId, generation } = message
        return member.post({ type: 'linked', instanceId, generation })
      }
    }
    member.post({ type: 'received', message })
  }

  #remember(sent: Sent): void {
    if (this.#bench.conditions.faults.has('replay')) this.#sent[this.#sends++ % REMEMBERED] = sent
  }

  /** Something that was sent lately, to anybody, arrives once more. */
  replay(random: Random): void {
    const sent = this.#sent[random.below(this.#sent.length)]
    if (sent === undefined) return
    const member = this.#links.get(sent.link.number)?.member
    this.#bench.note('network', 'replays', sent.message, sent.link.number)
    this.#bench.tell({ who: 'network', kind: 'fault', ...this.#replayed(sent.message) })
    const coordinator = this.#room.current
    if (sent.direction === 'up') {
      if (coordinator?.server !== sent.link.server || this.#room.foreign) return
      coordinator.post({ type: 'received', from: sent.from, message: sent.message })
    } else if (member?.alive && member.link?.server === sent.link.server) {
      member.post({ type: 'received', message: sent.message })
    }
  }

  #replayed(message: MemberMessage | CoordinatorMessage) {
    const { what, detail } = this.#bench.teller.message(message)
    const whom = 'bootId' in message ? ` of ${message.bootId}` : ''
    return { what: `replays ${what}${whom}`, detail }
  }
}
