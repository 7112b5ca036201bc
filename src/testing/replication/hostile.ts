import { MAX_TERM } from '../../core/election/messages.ts'
import type { Random } from '../../core/random.ts'
import type { Charter, ReplicaMessage } from '../../core/replication/messages.ts'
import { pick } from '../simulation/conditions.ts'
import type { ReplicationWorld } from './world.ts'

const NO_NUMBER: readonly unknown[] = [
  ...[Number.NaN, 2 ** 53, 1e308, -1, 0.5, '7', null, undefined, Number.POSITIVE_INFINITY, {}, [], true],
]
const NO_TERM: readonly unknown[] = [...NO_NUMBER, MAX_TERM + 1]
const NO_TEXT: readonly unknown[] = [1, null, undefined, {}, 'x'.repeat(10_000)]
const CHARTER: Charter = { instanceId: 'forged', foundation: { generation: 1, defaultCeilingMs: 0, ceilingsMs: {} } }

const NO_ENTRY: readonly unknown[] = [
  ...[null, 1, 'entry', {}, []],
  ...[0, 2 ** 53, 1e308, Number.NaN, '3', -1].map((term) => ({ term, version: 1, charter: CHARTER })),
  ...[0, 2 ** 53, 1e308, 0.5, null].map((version) => ({ term: 1, version, charter: CHARTER })),
  ...[null, 'charter', {}, { instanceId: 7 }, { instanceId: 'x' }].map((charter) => ({ term: 1, version: 1, charter })),
]

/** For each field, what it must never be taken for. */
const NONSENSE: Readonly<Record<string, readonly unknown[]>> = {
  term: NO_TERM,
  promised: NO_TERM,
  round: NO_NUMBER,
  version: NO_NUMBER,
  entry: NO_ENTRY,
  blank: [1, 0, 'true', null, undefined],
  nonce: NO_TEXT,
  type: ['', 'stores', null, undefined, 'constructor'],
  sender: [null, undefined, 'v0', {}, { id: 'v99', bootId: 'v99#1' }, { id: 7, bootId: 'x' }, { id: 'v0' }],
}

/** A message that is right in everything but one field. */
export const hostileMessage = (world: ReplicationWorld, random: Random): ReplicaMessage | undefined => {
  const { remembered } = world.network
  if (remembered.length === 0) return undefined
  const { message } = pick(random, remembered)
  const field = pick(random, Object.keys(message))
  const values = NONSENSE[field]
  if (values === undefined) return undefined
  // What no type allows is the point.
  return { ...message, [field]: pick(random, values) } as ReplicaMessage
}
