import type { CoordinatorMessage, Holding, MemberMessage, Renew } from '../../core/group/messages.ts'
import type { Random } from '../../core/random.ts'
import { isCaucusError } from '../../errors.ts'
import type { CoordinatorHosting, HostedLink } from '../../ports/hosting.ts'
import { hostCoordinator } from '../../runtime/coordinator-host.ts'
import { memoryStore } from '../../stores/memory-store.ts'
import { decodeMemberFrame } from '../../wire/frames.ts'
import { SimulatedClock } from '../simulated-clock.ts'
import type { Api } from './api.ts'
import { type Case, Sent } from './case.ts'
import { between, oneOf, percent, weighted } from './draw.ts'
import { MemberFrames } from './member-frames.ts'
import { Memory } from './memory.ts'
import { World } from './world.ts'

const STEPS = 150
const LIMITS = { groups: 5, membersPerGroup: 6, eventsPerGroup: 50 }
const TIMES = { leaseMs: 1_000, settleMs: 100, settleCapMs: 500, drainLimitMs: 500, staticGraceMs: 2_000 }
/** Longer than anything that was promised to anybody lasts. */
const OVER_MS = 20_000
const RENEW_MS = 200
const OWN_GROUP = 'canary'

/** What decoders let pass, at a coordinator in this process, in simulated time: sound in form, and otherwise anything. */
export const coordinatorCase: Case = async ({ random, api }) => {
  const sent = new Sent()
  const faults: string[] = []
  const clock = new SimulatedClock(1_000)
  const hosting = await hostCoordinator({
    clock,
    wallMs: () => 1_800_000_000_000 + clock.now(),
    store: memoryStore({ instanceId: 'fuzzed' }),
    defaults: TIMES,
    poll: { group: 'default', timeoutMs: 1_000, settleMs: 100, settleCapMs: 500, pollIntervalMs: 300 },
    fresh: true,
    limits: LIMITS,
    onFault: (error) => faults.push(`the coordinator failed: ${error instanceof Error ? error.stack : error}`),
  })
  const scene = new Scene(hosting, clock, random, api, sent)
  try {
    await scene.run()
    return sent.outcome(faults[0])
  } catch (error) {
    return sent.outcome(faults[0] ?? (error instanceof Error ? error.message : String(error)))
  } finally {
    await hosting.close()
  }
}

class Scene {
  readonly #hosting: CoordinatorHosting
  readonly #clock: SimulatedClock
  readonly #random: Random
  readonly #api: Api
  readonly #sent: Sent
  readonly #frames: MemberFrames
  readonly #world = new World('open')
  readonly #memory = new Memory()
  readonly #canaries: readonly Canary[]
  readonly #links: HostedLink[] = []

  constructor(hosting: CoordinatorHosting, clock: SimulatedClock, random: Random, api: Api, sent: Sent) {
    this.#hosting = hosting
    this.#clock = clock
    this.#random = random
    this.#api = api
    this.#sent = sent
    this.#frames = new MemberFrames(api, this.#world)
    this.#canaries = ['one', 'two'].map((id) => new Canary(id, hosting))
  }

  async run(): Promise<void> {
    for (let n = 0; n < 10; n++) await this.#pass(RENEW_MS)
    for (const canary of this.#canaries) canary.expectNoChange()
    for (let left = STEPS; left > 0; left--) {
      this.#step()
      if (percent(this.#random, 30)) await this.#pass(between(this.#random, 0, RENEW_MS))
      this.#judge()
    }
    for (const link of this.#links) link.close()
    for (let ms = 0; ms < OVER_MS; ms += RENEW_MS) await this.#pass(RENEW_MS)
    this.#judge()
    const left = this.#hosting.view().groups.filter(({ name, total }) => name !== OWN_GROUP && total > 0)
    if (left.length > 0) throw new Error(`nobody is left but the groups ${left.map(({ name }) => name).join(', ')}`)
  }

  async #pass(ms: number): Promise<void> {
    for (const canary of this.#canaries) await canary.renew()
    await this.#clock.play(ms)
  }

  #step(): void {
    const random = this.#random
    weighted<() => void>(random, [
      [70, () => this.#frame()],
      [8, () => this.#tried(() => void this.#hosting.poll(this.#named('session')))],
      [3, () => this.#tried(() => void this.#hosting.pollerLeft(this.#named('session')))],
      [5, () => this.#tried(() => void this.#hosting.evict(this.#named('group'), this.#named('member')))],
      [4, () => this.#links.splice(random.below(this.#links.length + 1), 1)[0]?.close()],
    ])()
  }

  #named(field: string): string {
    const name = this.#world.name(this.#random, field)
    this.#sent.add(`${field} ${name}`)
    return name
  }

  #frame(): void {
    const random = this.#random
    const text = this.#frames.draw(random, this.#memory, 2)
    const messages = decodeMemberFrame(text)
    this.#sent.add(text)
    if (typeof messages === 'string') throw new Error(`a frame that should be sound is refused: ${messages}`)
    const about = messages.filter(({ group }) => group !== OWN_GROUP)
    this.#tried(() => void (percent(random, 10) ? this.#call(about) : this.#link().receive(about)))
  }

  #call(messages: readonly MemberMessage[]): void {
    for (const message of messages) void this.#hosting.call(message).then((answer) => answer && this.#learn([answer]))
  }

  #link(): HostedLink {
    const random = this.#random
    if (this.#links.length > 0 && !percent(random, 10)) return oneOf(random, this.#links)
    const link = this.#hosting.attach((messages) => {
      if (percent(random, 1)) throw new Error('a link that cannot be written to')
      this.#learn(messages)
    })
    this.#links.push(link)
    return link
  }

  #learn(messages: readonly CoordinatorMessage[]): void {
    for (const message of messages) {
      this.#memory.learn(message)
      if (message.type === 'share') this.#memory.admitted(message.group, message.member, message.bootId, { ...message })
    }
  }

  /** What a caller is told with a code is an answer. */
  #tried(act: () => void): void {
    try {
      act()
    } catch (error) {
      if (!isCaucusError(error) || error.code === 'CAUCUS_BACKEND') throw error
    }
  }

  #judge(): void {
    const { groups } = this.#hosting.view()
    const fault = this.#api.routes
      .find(({ name }) => name === 'listGroups')
      ?.successes.get(200)
      ?.check?.(JSON.parse(JSON.stringify({ groups })))
    if (fault !== undefined) throw new Error(`the view of all groups ${fault}`)
    // The poll clients' group is besides.
    if (groups.length > LIMITS.groups + 1)
      throw new Error(`there are ${groups.length} groups, and the limit is ${LIMITS.groups}`)
    for (const { name, state, total, members } of groups) {
      if (members.length > LIMITS.membersPerGroup) throw new Error(`${name} has ${members.length} members`)
      const places = members.flatMap(({ index }) => index ?? [])
      const partitions = members.flatMap((member) => member.partitions ?? [])
      const isBeyond = state === 'settled' && places.some((place) => place > total)
      if (new Set(places).size < places.length || isBeyond) throw new Error(`the places of ${name} are ${places}`)
      if (new Set(partitions).size < partitions.length)
        throw new Error(`a partition of ${name} has two owners: ${partitions}`)
    }
  }
}

/** A member of plain HTTP that keeps to every rule, and keeps what it has. */
class Canary {
  readonly #id: string
  readonly #hosting: CoordinatorHosting
  #sequence = 0
  #order = 0
  #session: { readonly incarnation: number; readonly generation: number } | undefined
  #holding: readonly Holding[] = []
  #expected: string | undefined

  constructor(id: string, hosting: CoordinatorHosting) {
    this.#id = id
    this.#hosting = hosting
  }

  expectNoChange(): void {
    if (this.#holding.length === 0) throw new Error(`the canary ${this.#id} was given nothing`)
    this.#expected = JSON.stringify(this.#holding)
  }

  async renew(): Promise<void> {
    for (let tries = 0; tries < 4; tries++) {
      const answer = await this.#hosting.call(this.#renewal())
      if (answer?.type === 'share') {
        const { incarnation, generation, order, holding, revoked } = answer
        this.#session = { incarnation, generation }
        this.#order = order
        this.#holding = holding
        const now = JSON.stringify(holding)
        if (this.#expected !== undefined && (now !== this.#expected || revoked.length > 0)) {
          throw new Error(
            `the canary ${this.#id} had ${this.#expected} and has ${now}, with ${JSON.stringify(revoked)} taken back`,
          )
        }
        return
      }
      if (answer?.type === 'hello')
        this.#session = { incarnation: this.#session?.incarnation ?? 0, generation: answer.generation }
      else if (answer?.type !== 'refused' || answer.code !== 'CAUCUS_UNAVAILABLE') {
        throw new Error(`the canary ${this.#id} is answered ${JSON.stringify(answer)}`)
      }
      // It says so while a later generation is being made durable.
      await Promise.resolve()
    }
  }

  #renewal(): Renew {
    const common = {
      type: 'renew',
      group: OWN_GROUP,
      member: this.#id,
      bootId: `boot-${this.#id}`,
      draining: [],
      acknowledged: [],
    } as const
    return {
      ...common,
      sequence: ++this.#sequence,
      order: this.#order,
      share: { partitions: 8 },
      holding: this.#holding,
      ...this.#session,
    }
  }
}
