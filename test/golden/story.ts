import { timing } from '../../src/config/timing.ts'
import type { CallerMessage } from '../../src/core/group/coordinator.ts'
import type { Holding, ShareKind } from '../../src/core/group/messages.ts'
import type { Order } from '../../src/core/group/orders.ts'
import { explain, type GroupEvent } from '../../src/core/group/reasons.ts'
import { generationOf } from '../../src/core/lease.ts'
import { seededRandom } from '../../src/core/random.ts'
import { show } from '../../src/testing/simulation/beliefs.ts'
import { Bench } from '../../src/testing/simulation/bench.ts'
import type { Conditions, SimulatedGroup } from '../../src/testing/simulation/conditions.ts'
import type { MemberProcess } from '../../src/testing/simulation/member-process.ts'
import type { TraceLine } from '../../src/testing/simulation/trace.ts'
import type { Traits } from '../../src/testing/simulation/traits.ts'
import { World } from '../../src/testing/simulation/world.ts'

/** What a script says before its first command. */
interface Heading {
  readonly seed: number
  readonly drift: number
  readonly settleCapMs: number
  readonly staticGraceMs: number
  readonly pollMs: number | undefined
  readonly groups: readonly SimulatedGroup[]
}

const HEADING = /^(group|clocks|seed|poll every|settle cap|grace) ?/

const headingOf = (lines: readonly string[]): Heading => {
  const number = (before: string): number | undefined => {
    const line = lines.find((candidate) => candidate.startsWith(before))
    return line === undefined ? undefined : Number.parseFloat(line.slice(before.length))
  }
  return {
    seed: number('seed ') ?? 1,
    drift: (number('clocks wrong by up to ') ?? 0) / 100,
    settleCapMs: number('settle cap ') ?? timing.local.settleCapMs,
    staticGraceMs: number('grace ') ?? timing.local.staticGraceMs,
    pollMs: number('poll every '),
    groups: lines.filter((line) => line.startsWith('group ')).map(groupOf),
  }
}

const groupOf = (line: string): SimulatedGroup => {
  const [, name = '', share, partitions] = line.split(' ')
  return { name, share: shareOf(share, partitions), explicit: !line.endsWith('or-other'), leaseFactor: 1 }
}

const shareOf = (kind: string | undefined, partitions: string | undefined): ShareKind =>
  kind === 'index' ? 'index' : { partitions: Number(partitions) }

const conditionsOf = ({ seed, drift, settleCapMs, staticGraceMs, pollMs, groups }: Heading): Conditions => ({
  seed,
  profile: drift > 0.01 ? 'beyond' : 'swarm',
  timing: { ...timing.local, settleCapMs, staticGraceMs },
  groups,
  membersPerGroup: 0,
  poll: pollMs === undefined ? undefined : { clients: 0, intervalMs: pollMs },
  drift,
  hasStore: true,
  fresh: true,
  delayMs: 2,
  faults: new Set(),
  faultEveryMs: Number.POSITIVE_INFINITY,
  faultsForMs: 0,
})

/** Drains take as long as the script says, and no time otherwise. */
class Stage extends World {
  readonly drainsMs = new Map<string, number>()

  override drainMs(member: MemberProcess, _items: readonly Holding[]): number | undefined {
    return this.drainsMs.get(member.id) ?? 0
  }
}

/** Runs a script, line by line, and gives it back with what happened after each line. All invariants are checked on the way. */
export const tell = (script: string): string => {
  const lines = script.split('\n').map((line) => line.trim())
  const heading = headingOf(lines)
  const bench = new Bench(conditionsOf(heading), seededRandom(heading.seed), true)
  const stage = new Stage(bench)
  const told: string[] = []
  let seen = 0
  for (const line of lines) {
    if (line === '' || line.startsWith('#') || HEADING.test(line)) {
      told.push(line)
      continue
    }
    told.push(`> ${line}`, ...obey(line, stage, heading.groups))
    const entries = bench.trace.entries()
    told.push(...entries.slice(seen).flatMap(readable))
    seen = entries.length
  }
  stage.watchers.judge()
  return `${told.join('\n').trim()}\n`
}

/** Does what a line says; what it gives back is told at once. */
const obey = (line: string, stage: Stage, groups: readonly SimulatedGroup[]): readonly string[] => {
  const [command = '', what = '', where = '', count] = line.split(' ')
  const { bench, room, wires } = stage
  const { agenda } = bench
  const the = (): MemberProcess => {
    const member = stage.members.find(({ id }) => id === what)
    if (member === undefined) throw new Error(`nobody is called ${what}: ${line}`)
    return member
  }
  const deeds: Record<string, () => void> = {
    start: () => room.start(),
    kill: () => (what === 'server' ? stage.crashCoordinator() : stage.crash(the())),
    lose: () => room.loseStore(),
    join: () => stage.join(what, groups.find(({ name }) => name === where) as SimulatedGroup, traitsOf(line)),
    weigh: () => the().post({ type: 'weight', weight: Number(where) }),
    order: () => stage.order(what, orderOf(line)),
    leave: () => the().post({ type: 'leave' }),
    evict: () => room.current?.post({ type: 'evicted', from: 'operator', group: the().group, member: what }),
    drains: () => stage.drainsMs.set(what, Number(where)),
    freeze: () => the().standStill(Number(where), false),
    cut: () => wires.network.cut(what, ['up', 'down'], Number(where)),
    poll: () => stage.startPoller(what),
    stop: () => (what === 'server' ? stage.stopCoordinator() : stage.pollers.find(({ id }) => id === what)?.stop()),
    share: () => room.shares.set(what, shareOf(where, count)),
    run: () => {
      const until = agenda.now + Number(what)
      agenda.after(Number(what), () => {})
      while (agenda.nextAt <= until) agenda.runNext()
    },
  }
  if (command === 'who') return whoBelieves(stage)
  const deed = deeds[command]
  if (deed === undefined) throw new Error(`not a command: ${line}`)
  deed()
  return []
}

/** `join a keys static weight 3`. */
const traitsOf = (line: string): Traits => {
  const weight = / weight (\d+)/.exec(line)?.[1]
  return { ...(line.includes(' static') && { static: true }), ...(weight !== undefined && { weight: Number(weight) }) }
}

/** `order keys pin 3 a`, `order keys drain a`, `order keys freeze`. */
const orderOf = (line: string): Order => {
  const [, , type = '', what = '', member = ''] = line.split(' ')
  switch (type) {
    case 'freeze':
    case 'thaw':
      return { type }
    case 'pin':
      return { type, partition: Number(what), member }
    case 'unpin':
      return { type, partition: Number(what) }
    case 'drain':
    case 'undrain':
      return { type, member: what }
    default:
      throw new Error(`not an order: ${line}`)
  }
}

/** Generations are seconds of a clock that began here; only the differences are worth reading. */
const FIRST_GENERATION = 1_700_000_000
const EPOCH = /\b\d{16}\b/g
const GENERATION = /\b17000000\d\d\b/g

/** An epoch as generation/counter, and a generation counted from the first. */
const short = (text: string): string =>
  text
    .replaceAll(EPOCH, (epoch) => `${generationOf(Number(epoch)) - FIRST_GENERATION}/${Number(epoch) % 2 ** 21}`)
    .replaceAll(GENERATION, (generation) => String(Number(generation) - FIRST_GENERATION))

const column = (at: number, who: string, text: string): string =>
  `${at.toFixed(1).padStart(9)}  ${who.padEnd(8)} ${short(text)}`

/** Everybody's own answer at this instant, by the check that users make. */
const whoBelieves = (stage: Stage): string[] => {
  const { now } = stage.bench
  const own = stage.members.map((member) => {
    const items = member.belief()?.items.filter(({ end }) => end > now) ?? []
    const all = items.map(({ holding }) => show(holding)).join(', ')
    const pace = member.clock.rate === 1 ? '' : `, by a clock at ${member.clock.rate.toFixed(2)} of real time`
    return column(now, member.bootId, `owns ${all === '' ? 'nothing' : all}${pace}`)
  })
  const polled = stage.pollers.map((client) => {
    const slot = stage.pollBeliefOf(client)
    const text = slot === undefined || slot.end <= now ? 'nothing' : `${slot.index} of ${slot.total}`
    return column(now, client.id, `owns ${text}`)
  })
  return [...own, ...polled]
}

/** What a reader wants to know: not the heartbeats, but what they led to. */
const readable = ({ at, who, what, detail }: TraceLine): string[] => {
  const line = (text: string) => [column(at, who, text)]
  switch (what) {
    case 'emits': {
      const { group, event } = detail as { group: string; event: GroupEvent }
      return line(`${group}: ${explain(event)}`)
    }
    case 'granted':
    case 'drain':
    case 'lost': {
      const { items, because } = detail as { items: readonly Holding[]; because?: string }
      const word = { granted: 'may use', drain: 'drains', lost: 'has lost' }[what]
      return line(`${word} ${items.map(show).join(', ')}${because === undefined ? '' : ` (${because})`}`)
    }
    case 'drained':
      return line(`has let go of ${(detail as { items: readonly Holding[] }).items.map(show).join(', ')}`)
    case 'linked':
      return 'generation' in (detail as object) ? line(`reads the hello of generation ${numberOf(detail)}`) : []
    case 'unlinked':
      return detail === undefined ? line('sees its link end') : []
    case 'replies': {
      const reply = detail as CallerMessage
      return line(reply.type === 'failed' ? `refuses the order: ${reply.message}` : 'the order is durable and in force')
    }
    case 'refused':
      return detail === undefined ? line('is refused') : []
    case 'starts':
    case 'stops':
    case 'listens':
    case 'crashes':
      return line(typeof detail === 'string' ? `${what}: ${detail}` : what)
    default:
      return []
  }
}

const numberOf = (hello: unknown): number => (hello as { generation: number }).generation
