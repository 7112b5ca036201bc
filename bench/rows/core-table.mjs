import { resolveTiming } from '../../dist/config/timing.js'
import { Coordinator } from '../../dist/core/group/coordinator.js'
import { round } from '../support/figures.mjs'
import { collect } from '../support/garbage.mjs'

const MEMBERS = 10_000
const BYTES_EACH = 1_024
const GENERATION = 1_800_000_000

const heapUsed = () => {
  // Twice: what the first round sets free may hold on to something itself.
  collect()
  collect()
  return process.memoryUsage().heapUsed
}

const renewal = (member, share) => ({
  type: 'renew',
  group: 'group',
  member,
  bootId: `5f0c7a3e-${member}`,
  sequence: 1,
  order: 0,
  share,
  holding: [],
  draining: [],
  acknowledged: [],
})

/** As they come from the wire: each text is a string of its own. */
const asRead = (message) => JSON.parse(JSON.stringify(message))

/** A coordinator in which so many have joined and settled; nothing else refers to what they said. */
const settled = (share) => {
  const defaults = resolveTiming({ leaseMs: 60_000, settleMs: 100, settleCapMs: 1_000 })
  const coordinator = new Coordinator({
    clusterId: 'bench',
    instanceId: 'bench',
    foundation: { generation: GENERATION, defaultCeilingMs: 60_000, ceilingsMs: {} },
    startedAt: 0,
    fresh: true,
    defaults,
    groups: new Map(),
    limits: { groups: 10, membersPerGroup: MEMBERS },
  })
  for (let i = 0; i < MEMBERS; i++) {
    coordinator.step({ type: 'received', from: i + 1, message: asRead(renewal(`member-${i}`, share)) }, 0)
  }
  for (let now = 100; coordinator.viewOf('group').state !== 'settled'; now += 100)
    coordinator.step({ type: 'woke' }, now)
  // What the last step had to say is kept until the next one.
  coordinator.step({ type: 'linked', from: 0 }, 0)
  return coordinator
}

const bytesEach = (share) => {
  const before = heapUsed()
  const coordinator = settled(share)
  const after = heapUsed()
  // Looked at afterwards, so that it is there until then.
  if (coordinator.viewOf('group').total !== MEMBERS) throw new Error('not everybody has joined')
  return (after - before) / MEMBERS
}

/** What the coordinator itself remembers of each member: ids, session, lease and share. No socket, no frame. */
export const coreTable = async () => {
  const rows = []
  for (const [kind, share] of [
    ['index', 'index'],
    ['4096 partitions', { partitions: 4_096 }],
  ]) {
    // Once for the code, which is compiled at first use; kept, so that it is not collected in the middle of the second one.
    const warm = settled(share)
    const each = bytesEach(share)
    rows.push({
      row: `the core's table, ${MEMBERS} members of one group, ${kind}: memory for each`,
      ours: round(each),
      floor: null,
      others: {},
      ratio: round(each / BYTES_EACH),
      target: `≤ ${BYTES_EACH} bytes`,
      ok: each > 0 && each <= BYTES_EACH && warm.generation > 0,
      unit: 'bytes',
    })
  }
  return rows
}
