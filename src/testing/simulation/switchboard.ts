import type { CoordinatorMessage, MemberMessage } from '../../core/group/messages.ts'
import type { Address } from '../../core/group/session.ts'
import type { Random } from '../../core/random.ts'
import type { Bench } from './bench.ts'
import type { CoordinatorProcess } from './coordinator-process.ts'
import type { Link } from './link.ts'
import type { MemberProcess } from './member-process.ts'
import { Network } from './network.ts'

/** Sent once, and perhaps to be heard again later. */
type Sent =
  | { readonly direction: 'up'; readonly link: Link; readonly message: MemberMessage }
  | { readonly direction: 'down'; readonly link: Link; readonly message: CoordinatorMessage }

const REMEMBERED = 100

/**
 * Links between members and runs of the coordinator: made, greeted, broken, made again.
 *
 * What is late may come to another run of the same server, never to another server: nothing but the link tells two servers apart whose
 * generations happen to be the same, as after a lost store and a wall clock that went back.
 */
export class Switchboard {
  readonly network: Network
  readonly #bench: Bench
  readonly #random: Random
  readonly #coordinator: () => CoordinatorProcess | undefined
  readonly #links = new Map<Address, { link: Link; member: MemberProcess }>()
  readonly #sent: Sent[] = []
  #sends = 0
  #numbers = 0

  constructor(bench: Bench, coordinator: () => CoordinatorProcess | undefined) {
    this.#bench = bench
    this.#random = bench.random.fork('links')
    this.#coordinator = coordinator
    this.network = new Network(bench.agenda, bench.random.fork('network'), bench.conditions, (fault) =>
      bench.count(fault),
    )
  }

  /** Keeps trying; a link that stays without a greeting, or silent for a lease, is given up for another. */
  connect(member: MemberProcess, afterMs = 0): void {
    const { agenda, conditions } = this.#bench
    agenda.after(afterMs + this.#random.next() * conditions.timing.reconnectMaxMs, () => {
      if (!member.alive || member.final || member.link?.open) return
      const coordinator = this.#coordinator()
      if (coordinator === undefined) return this.connect(member)
      const number = ++this.#numbers
      const lane = { node: member.id, arrivedAt: 0 }
      const link: Link = {
        number,
        run: coordinator.run,
        instance: coordinator.options.instanceId,
        up: { ...lane, direction: 'up' },
        down: { ...lane, direction: 'down' },
        greeted: false,
        heard: false,
        open: true,
      }
      member.link = link
      member.heardAt = agenda.now
      this.#links.set(number, { link, member })
      this.network.carry(link.up, () => {
        const listening = this.#coordinator()
        if (listening?.run === link.run) listening.post({ type: 'linked', from: number })
      })
      this.#watch(member, link)
    })
  }

  #watch(member: MemberProcess, link: Link): void {
    const { agenda, conditions } = this.#bench
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
    member.post({ type: 'unlinked' })
    this.connect(member, afterMs)
  }

  /** The coordinator's end is gone: those at the other end notice soon. */
  breakAll(): void {
    for (const { link, member } of this.#links.values()) {
      if (!link.open) continue
      this.#bench.agenda.after(this.#random.next() * this.#bench.conditions.timing.heartbeatMs * 0.2, () => {
        if (member.link === link) this.hangUp(member)
      })
    }
  }

  up(member: MemberProcess, message: MemberMessage): void {
    const { link } = member
    if (link === undefined || !link.open) return
    this.#remember({ direction: 'up', link, message })
    this.network.carry(link.up, () => this.#arriveUp(link, message))
  }

  #arriveUp(link: Link, message: MemberMessage): void {
    const coordinator = this.#coordinator()
    if (coordinator?.options.instanceId !== link.instance) return
    if (coordinator.run !== link.run || !link.open) {
      if (!this.#bench.has('oldLinks')) return
      // A late join to another run is safe but not free (docs/simulator.md), so a failover that must cost nothing is spared it.
      if (this.#bench.conditions.profile === 'failover' && !('generation' in message)) return
      this.#bench.count('oldLinks')
    }
    if (!link.heard && this.#bench.has('oneWayPartition')) this.#deafen(link)
    link.heard = true
    coordinator.post({ type: 'received', from: link.number, message })
  }

  /** The worst moment to be cut off: what the member claims is heard, and the answer is not. */
  #deafen(link: Link): void {
    if (this.#random.next() > 0.15) return
    this.#bench.count('oneWayPartition')
    this.network.cut(link.down.node, ['down'], this.#bench.conditions.timing.leaseMs * 4 * this.#random.next())
  }

  down(address: Address, message: CoordinatorMessage): void {
    const to = this.#links.get(address)
    if (to === undefined) return
    this.#remember({ direction: 'down', link: to.link, message })
    this.network.carry(to.link.down, () => this.#arriveDown(to.link, to.member, message))
  }

  #arriveDown(link: Link, member: MemberProcess, message: CoordinatorMessage): void {
    if (!member.alive || member.link?.instance !== link.instance) return
    if (member.link !== link || !link.open) {
      if (!this.#bench.has('oldLinks')) return
      this.#bench.count('oldLinks')
    } else {
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
  replay(): void {
    const sent = this.#sent[this.#random.below(this.#sent.length)]
    if (sent === undefined) return
    const member = this.#links.get(sent.link.number)?.member
    this.#bench.note('network', 'replays', sent.message, sent.link.number)
    const coordinator = this.#coordinator()
    if (sent.direction === 'up') {
      if (coordinator?.options.instanceId !== sent.link.instance) return
      coordinator.post({ type: 'received', from: sent.link.number, message: sent.message })
    } else if (member?.alive && member.link?.instance === sent.link.instance) {
      member.post({ type: 'received', message: sent.message })
    }
  }
}
