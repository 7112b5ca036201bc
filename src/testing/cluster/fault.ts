import type { Order } from '../../core/group/orders.ts'
import type { Millis } from '../../core/time.ts'
import type { Protocol } from '../../wire/versions.ts'
import type { Told } from './member.ts'
import { COORDINATOR } from './network.ts'
import { msText } from './violation.ts'

/** What can be done to a cluster. */
export const FAULT_NAMES = [
  'crash',
  'leave',
  'join',
  'twin',
  'pause',
  'suspend',
  'wallClock',
  'partition',
  'dropUp',
  'dropDown',
  'slow',
  'disconnect',
  'evict',
  'malformed',
  'deaf',
  'failover',
  'coordinatorCrash',
  'coordinatorStop',
  'coordinatorPause',
  'coordinatorSuspend',
  'coordinatorWallClock',
  'coordinatorPartition',
  'slowDisk',
  'failingDisk',
  'version',
  'coordinatorVersion',
  'weight',
  'order',
] as const

/** What can go wrong in a simulated cluster (docs/testing.md). */
export type FaultName = (typeof FAULT_NAMES)[number]

const OF_ALL: ReadonlySet<FaultName> = new Set([
  ...['malformed', 'deaf', 'failover', 'coordinatorCrash', 'coordinatorStop', 'coordinatorPause'],
  ...['coordinatorSuspend', 'coordinatorWallClock', 'coordinatorPartition', 'slowDisk', 'failingDisk'],
  ...['coordinatorVersion', 'order'],
] as FaultName[])

/** Whether it happens to one member. */
export const isOfMember = (fault: FaultName): boolean => !OF_ALL.has(fault)

/** One thing that goes wrong, as data: a schedule is a list of these, can be kept as JSON, and played again. */
export interface Fault {
  /** Counted from when the faults begin: the cluster is whole then. */
  readonly atMs: Millis
  readonly fault: FaultName
  /** The member that it happens to; by default the first. */
  readonly member?: string
  /** How long it lasts; by default until everything is healed. A member that crashed or left starts again after it, or never. */
  readonly forMs?: Millis
  /** By how much: a clock's step, a packet's or a disk's delay. */
  readonly byMs?: Millis
  /** `disconnect`: who hears that the connection is gone. */
  readonly told?: Told
  /** The machine goes, too: nobody is told. */
  readonly silent?: boolean
  /** A coordinator that comes back without what it had written down. */
  readonly loseStore?: boolean
  /** A coordinator that comes back with another lease. */
  readonly leaseMs?: Millis
  /** A coordinator that comes back with another number of partitions. */
  readonly partitions?: number
  /** `version`, `coordinatorVersion`: the newest version of the links' protocol that it speaks from then on. */
  readonly protocol?: Protocol
  /** What it weighs from then on. */
  readonly weight?: number
  /** What an operator orders of the group. */
  readonly order?: Order
}

const lasting = ({ forMs }: Fault): string => (forMs === undefined ? '' : ` for ${msText(forMs)}`)

const returning = ({ forMs }: Fault): string =>
  forMs === undefined ? ', and does not come back' : `, and starts again ${msText(forMs)} later`

const changes = ({ loseStore, leaseMs, partitions }: Fault): string => {
  const parts: string[] = []
  if (loseStore) parts.push('without its disk')
  if (leaseMs !== undefined) parts.push(`with a lease of ${msText(leaseMs)}`)
  if (partitions !== undefined) parts.push(`with ${partitions} partitions`)
  return parts.length === 0 ? '' : ` ${parts.join(', ')}`
}

const build = ({ protocol }: Fault): string =>
  protocol === undefined ? '' : `, as a build that speaks protocol ${protocol}`

const TEXTS: Readonly<Record<FaultName, (fault: Fault, who: string) => string>> = {
  crash: (fault, who) => `${who} is killed${fault.silent ? ' with its machine' : ''}${returning(fault)}`,
  leave: (fault, who) => `${who} is told to stop${returning(fault)}`,
  join: (_fault, who) => `${who} joins`,
  twin: (_fault, who) => `a second process starts under the id ${who}`,
  pause: (fault, who) => `${who} stands still${lasting(fault)}`,
  suspend: (fault, who) => `the machine of ${who} sleeps${lasting(fault)}`,
  wallClock: ({ byMs = 0 }, who) => `the wall clock of ${who} steps by ${msText(byMs)}`,
  partition: (fault, who) => `${who} is cut off${lasting(fault)}`,
  dropUp: (fault, who) => `what ${who} sends is held up${lasting(fault)}`,
  dropDown: (fault, who) => `what is sent to ${who} is held up${lasting(fault)}`,
  slow: (fault, who) => `packets of ${who} take ${msText(fault.byMs ?? 0)} longer${lasting(fault)}`,
  disconnect: ({ told = 'both' }, who) =>
    `the connection of ${who} is lost, and ${told === 'both' ? 'both sides hear' : `${told} hears`} of it`,
  evict: (_fault, who) => `an operator removes ${who}`,
  malformed: () => 'a stranger sends what no member sends',
  deaf: () => 'a stranger joins again and again, and reads no answer',
  failover: (fault) => `the coordinator is killed${returning(fault)}${changes(fault)}`,
  coordinatorCrash: (fault) =>
    `the coordinator is killed${fault.silent ? ' with its machine' : ''}${returning(fault)}${changes(fault)}`,
  coordinatorStop: (fault) => `the coordinator is told to stop${returning(fault)}${changes(fault)}`,
  coordinatorPause: (fault) => `the coordinator stands still${lasting(fault)}`,
  coordinatorSuspend: (fault) => `the machine of the coordinator sleeps${lasting(fault)}`,
  coordinatorWallClock: ({ byMs = 0 }) => `the wall clock of the coordinator steps by ${msText(byMs)}`,
  coordinatorPartition: (fault) => `the coordinator is cut off from everybody${lasting(fault)}`,
  slowDisk: (fault) => `the disk of the coordinator takes ${msText(fault.byMs ?? 0)} a write${lasting(fault)}`,
  failingDisk: (fault) => `the disk of the coordinator fails${lasting(fault)}`,
  version: (fault, who) => `${who} is told to stop${returning(fault)}${build(fault)}`,
  weight: ({ weight }, who) => `${who} weighs ${weight} from now on`,
  order: ({ order }) => `an operator orders: ${Object.values(order ?? {}).join(' ')}`,
  coordinatorVersion: (fault) => `the coordinator is told to stop${returning(fault)}${build(fault)}`,
}

/** One sentence about it, without its time. */
export const faultText = (fault: Fault): string => TEXTS[fault.fault](fault, fault.member ?? COORDINATOR)
