import { explain, type GroupEvent } from '../../src/core/group/reasons.ts'
import { seededRandom } from '../../src/core/random.ts'
import { show } from '../../src/testing/simulation/beliefs.ts'
import { Bench } from '../../src/testing/simulation/bench.ts'
import type { Conditions, SimulatedGroup } from '../../src/testing/simulation/conditions.ts'
import type { TraceLine } from '../../src/testing/simulation/trace.ts'
import { World } from '../../src/testing/simulation/world.ts'

const TIMING = {
  leaseMs: 1000,
  settleMs: 100,
  settleCapMs: 2000,
  drainLimitMs: 2000,
  heartbeatMs: 200,
  stopMarginMs: 50,
  reconnectMaxMs: 100,
}

const conditionsOf = (groups: readonly SimulatedGroup[]): Conditions => ({
  seed: 1,
  profile: 'swarm',
  timing: TIMING,
  groups,
  membersPerGroup: 0,
  poll: undefined,
  drift: 0,
  hasStore: true,
  fresh: true,
  delayMs: 2,
  faults: new Set(),
  faultEveryMs: Number.POSITIVE_INFINITY,
  faultsForMs: 0,
})

const groupOf = (line: string): SimulatedGroup => {
  const [, name = '', share, partitions] = line.split(' ')
  return {
    name,
    share: share === 'index' ? 'index' : { partitions: Number(partitions) },
    explicit: true,
    leaseFactor: 1,
  }
}

/** Runs a script, line by line, and gives it back with what happened after each line. All invariants are checked on the way. */
export const tell = (script: string): string => {
  const lines = script.split('\n').map((line) => line.trim())
  const groups = lines.filter((line) => line.startsWith('group ')).map(groupOf)
  const bench = new Bench(conditionsOf(groups), seededRandom(1), true)
  const world = new World(bench)
  const told: string[] = []
  let seen = 0
  for (const line of lines) {
    if (line === '' || line.startsWith('#') || line.startsWith('group ')) {
      told.push(line)
      continue
    }
    told.push(`> ${line}`)
    obey(line, world, groups)
    const entries = bench.trace.entries()
    told.push(...entries.slice(seen).flatMap(readable))
    seen = entries.length
  }
  return `${told.join('\n').trim()}\n`
}

const obey = (line: string, world: World, groups: readonly SimulatedGroup[]): void => {
  const [command = '', what = '', where = ''] = line.split(' ')
  const { agenda } = world.bench
  const member = world.members.find(({ id }) => id === what)
  const deeds: Record<string, () => void> = {
    start: () => world.room.start(),
    kill: () => (what === 'server' ? world.crashCoordinator() : member && world.crash(member)),
    join: () => {
      const group = groups.find(({ name }) => name === where)
      if (group === undefined) throw new Error(`no such group: ${line}`)
      world.join(what, group)
    },
    leave: () => member?.post({ type: 'leave' }),
    freeze: () => member?.standStill(Number(where), false),
    run: () => {
      const until = agenda.now + Number(what)
      agenda.after(Number(what), () => {})
      while (agenda.nextAt <= until) agenda.runNext()
    },
  }
  const deed = deeds[command]
  if (deed === undefined) throw new Error(`not a command: ${line}`)
  deed()
}

/** What a reader wants to know: not the heartbeats, but what they led to. */
const readable = ({ at, who, what, detail }: TraceLine): string[] => {
  const line = (text: string) => [`${at.toFixed(1).padStart(9)}  ${who.padEnd(8)} ${text}`]
  switch (what) {
    case 'emits': {
      const { group, event } = detail as { group: string; event: GroupEvent }
      return line(`${group}: ${explain(event)}`)
    }
    case 'granted':
    case 'drain':
    case 'lost': {
      const { items, because } = detail as { items: Parameters<typeof show>[0][]; because?: string }
      const word = { granted: 'may use', drain: 'drains', lost: 'has lost' }[what]
      return line(`${word} ${items.map(show).join(', ')}${because === undefined ? '' : ` (${because})`}`)
    }
    case 'linked':
      return 'generation' in (detail as object) ? line(`reads the hello of generation ${generationIn(detail)}`) : []
    case 'unlinked':
      return detail === undefined ? line('sees its link end') : []
    case 'starts':
    case 'listens':
    case 'crashes':
      return line(typeof detail === 'string' ? `${what}: ${detail}` : what)
    default:
      return []
  }
}

const generationIn = (detail: unknown): number => (detail as { generation: number }).generation
