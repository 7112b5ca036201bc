import { resolveTiming } from '../../dist/config/timing.js'
import { Member } from '../../dist/core/group/member.js'
import { hostCoordinator, memoryStore } from '../../dist/server.js'
import { SimulatedClock } from '../../dist/testing/simulated-clock.js'
import { decodeMemberFrame, encodeFrame, encodeFrames } from '../../dist/wire/frames.js'

const GROUP = 'group'
/** So long that nobody renews within a change: what is counted is what the change costs. */
const LEASE_MS = 10_000_000
const SETTLE_MS = 100
const STEP_MS = 10

/**
 * The coordinator as the server runs it, with its event log and its frames, and the members' own machines around it; only sockets are
 * missing, and time goes by when it is told to. Counted is what the coordinator reads, writes and takes to do so.
 */
export class World {
  #clock = new SimulatedClock()
  #hosting
  #share
  #members = new Map()
  #mail = []
  #made = 0
  #ms = 0
  #counts = { messagesIn: 0, messagesOut: 0, bytesIn: 0, bytesOut: 0 }

  static async of(share, limit) {
    const world = new World()
    world.#share = share
    const defaults = resolveTiming({ leaseMs: LEASE_MS, settleMs: SETTLE_MS, settleCapMs: 10 * SETTLE_MS })
    world.#hosting = await hostCoordinator({
      clock: world.#clock,
      wallMs: () => 1_800_000_000_000,
      store: memoryStore(),
      defaults,
      fresh: true,
      limits: { groups: 10, membersPerGroup: limit },
      onFault: (error) => {
        throw error
      },
    })
    return world
  }

  #timed(work) {
    const started = process.hrtime.bigint()
    const result = work()
    this.#ms += Number(process.hrtime.bigint() - started) / 1e6
    return result
  }

  /** Joins so many at once. Gives their ids. */
  join(count) {
    return Array.from({ length: count }, () => {
      const id = `member-${this.#made++}`
      const options = { group: GROUP, member: id, bootId: `boot-${id}`, heartbeatMs: LEASE_MS, stopMarginMs: 50 }
      const member = { machine: new Member({ ...options, share: this.#share }), link: undefined }
      this.#members.set(id, member)
      member.link = this.#timed(() => this.#hosting.attach((messages) => this.#deliver(member, messages)))
      return id
    })
  }

  leave(id) {
    this.#step(this.#members.get(id), { type: 'leave' })
  }

  /** What the server does with what it has to say: writes frames, and hands them to a socket. */
  #deliver(member, messages) {
    for (const frame of encodeFrames(messages)) this.#counts.bytesOut += frame.length
    this.#counts.messagesOut += messages.length
    this.#mail.push({ member, messages })
  }

  #step(member, input) {
    for (const effect of member.machine.step(input, this.#clock.now())) {
      if (effect.type === 'drain') this.#step(member, { type: 'drained', items: effect.items })
      if (effect.type !== 'send') continue
      const frame = encodeFrame([effect.message])
      this.#counts.bytesIn += frame.length
      this.#counts.messagesIn++
      this.#timed(() => member.link.receive(decodeMemberFrame(frame)))
    }
  }

  /** Everybody reads their mail. */
  #read() {
    while (this.#mail.length > 0) {
      for (const { member, messages } of this.#mail.splice(0)) {
        for (const message of messages) {
          const { instanceId, generation } = message
          this.#step(
            member,
            message.type === 'hello' ? { type: 'linked', instanceId, generation } : { type: 'received', message },
          )
        }
      }
    }
  }

  /** Lets time go by until the group has settled with so many, and says what that cost the coordinator since the last time. */
  settle(total) {
    for (let rounds = 0; rounds < 1_000; rounds++) {
      this.#read()
      const view = this.#hosting.viewOf(GROUP)
      if (view?.state === 'settled' && view.total === total) return this.#bill()
      this.#timed(() => this.#clock.advance(STEP_MS))
    }
    throw new Error(`the group has not settled with ${total} members`)
  }

  #bill() {
    const bill = { ...this.#counts, ms: this.#ms }
    for (const name of Object.keys(this.#counts)) this.#counts[name] = 0
    this.#ms = 0
    return bill
  }

  /** Who holds each item. */
  owners() {
    const owners = new Map()
    for (const { id, index, partitions = [] } of this.#hosting.viewOf(GROUP).members) {
      if (index !== undefined) owners.set(`index ${index}`, id)
      for (const partition of partitions) owners.set(partition, id)
    }
    return owners
  }

  close() {
    return this.#hosting.close()
  }
}
