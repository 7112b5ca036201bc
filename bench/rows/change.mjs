import { World } from '../change/world.mjs'
import { median, round } from '../support/figures.mjs'

const PARTITIONS = 4_096
/** For each member and each item that moves: asked to let go, said so, heard, given anew. */
const MESSAGES_EACH = 4
/** Besides: what the one who comes or goes says and hears. */
const MESSAGES_BESIDES = 8
/** O(moved + n), and small: so much of a processor for each of them. */
const MICROSECONDS_EACH = 50

const differing = (before, after) => [...after].filter(([item, owner]) => before.get(item) !== owner).length

/** What one that joins, and one that leaves, costs a group of n that has settled. */
const measure = async (share, n, times) => {
  const world = await World.of(share, n + 1)
  world.join(n)
  world.settle(n)
  const bills = { join: [], leave: [] }
  const moved = []
  for (let i = 0; i < times; i++) {
    const before = world.owners()
    const [newcomer] = world.join(1)
    bills.join.push(world.settle(n + 1))
    const after = world.owners()
    moved.push(share === 'index' ? n : differing(before, after))
    world.leave(newcomer)
    bills.leave.push(world.settle(n))
  }
  await world.close()
  const all = [...bills.join, ...bills.leave]
  const mean = (what) => all.reduce((sum, bill) => sum + what(bill), 0) / all.length
  return {
    n,
    moved: median(moved),
    messages: mean(({ messagesIn, messagesOut }) => messagesIn + messagesOut),
    bytes: mean(({ bytesIn, bytesOut }) => bytesIn + bytesOut),
    joinMs: median(bills.join.map(({ ms }) => ms)),
    leaveMs: median(bills.leave.map(({ ms }) => ms)),
  }
}

const rowOf = (kind, measured) => {
  const { n, moved, messages, bytes, joinMs, leaveMs } = measured
  // With an index everybody is told of the new total. With partitions only who gives or gets one is told anything.
  const told = kind === 'index' ? n : 2 * moved
  const allowed = MESSAGES_EACH * told + MESSAGES_BESIDES
  const ms = (joinMs + leaveMs) / 2
  const each = (1_000 * ms) / (moved + n)
  return {
    row: `a join or a leave in a group of ${n}, ${kind}`,
    ours: round(ms),
    floor: null,
    others: {},
    ratio: round(each / MICROSECONDS_EACH),
    target: `≤ ${MICROSECONDS_EACH} µs for each that moves or is a member; ≤ ${allowed} messages`,
    ok: each <= MICROSECONDS_EACH && messages <= allowed,
    unit: 'ms of processor',
    details: {
      'messages, both ways': round(messages, 5),
      'KiB, both ways': round(bytes / 1_024),
      moved,
      'µs for each that moves or is a member': round(each),
      'join, ms': round(joinMs),
      'leave, ms': round(leaveMs),
    },
    series: { [kind]: { n, moved, messages, bytes, ms } },
  }
}

/** Messages, bytes and processor time of one change, by the size of the group. */
export const changeCost = async ({ quick, tell }) => {
  const sizes = quick ? [10, 100] : [10, 100, 1_000, 10_000]
  const rows = []
  for (const [kind, share] of [
    ['index', 'index'],
    [`${PARTITIONS} partitions`, { partitions: PARTITIONS }],
  ]) {
    for (const n of sizes) {
      tell(`a change in a group of ${n}, ${kind}`)
      // Small groups go fast: enough of them for the compiler to have seen the code, as in a server that has run for a while.
      rows.push(rowOf(kind, await measure(share, n, quick ? 3 : n > 1_000 ? 5 : 30)))
    }
  }
  return rows
}
