import type { Millis } from '../../core/time.ts'
import type { Scheduled } from '../cluster/deed-player.ts'
import { FAULT_NAMES as CLUSTER_FAULTS, type Fault, faultText as memberText } from '../cluster/fault.ts'
import { MEMBER_DEEDS } from '../cluster/member-deeds.ts'
import { msText } from '../cluster/violation.ts'

/** What can be done to etcd, to the way there, and to whoever coordinates. */
export const ETCD_FAULTS = [
  'etcdDown',
  'compaction',
  'watchesLag',
  'watchesBreak',
  'keepAlivesInVain',
  'leaseExpires',
  'seatExpires',
  'callsLate',
  'answersLost',
  'requestsLost',
  'requestsSlow',
  'answersSlow',
  'coordinatorCrash',
  'coordinatorStop',
  'coordinatorPause',
  'coordinatorSuspend',
  'coordinatorCut',
] as const

export type OfEtcd = (typeof ETCD_FAULTS)[number]

/** Of members: those that are about the version of a link have no meaning here. */
export type OfMember = Exclude<keyof typeof MEMBER_DEEDS, 'version'>

export const MEMBER_FAULTS = CLUSTER_FAULTS.filter(
  (name): name is OfMember => Object.hasOwn(MEMBER_DEEDS, name) && name !== 'version',
)

export type EtcdFaultName = OfEtcd | OfMember

/** The process that coordinates when it happens. */
export const COORDINATING = 'coordinating'

/** One thing that goes wrong around etcd, as data. */
export interface EtcdFault extends Scheduled<OfEtcd> {
  /** A member's id, or whoever coordinates at that instant. */
  readonly on?: string
  readonly forMs?: Millis
  readonly byMs?: Millis
  /** How often it happens to a call, from 0 to 1. */
  readonly chance?: number
  readonly silent?: boolean
}

export type MemberFault = Fault & { readonly fault: OfMember }

export type AnyFault = EtcdFault | MemberFault

export const isOfEtcd = (fault: AnyFault): fault is EtcdFault =>
  (ETCD_FAULTS as readonly string[]).includes(fault.fault)

const lasting = ({ forMs = 0 }: EtcdFault): string => `for ${msText(forMs)}`
const whose = ({ on }: EtcdFault): string =>
  on === undefined ? 'everybody' : on === COORDINATING ? 'whoever coordinates' : on
const often = ({ chance = 1 }: EtcdFault): string => `${Math.round(100 * chance)} % of the calls of`

const TEXTS: Readonly<Record<OfEtcd, (fault: EtcdFault) => string>> = {
  etcdDown: (fault) => `etcd has no leader ${lasting(fault)}`,
  compaction: () => 'etcd is compacted',
  watchesLag: (fault) => `the watches of ${whose(fault)} are stuck ${lasting(fault)}`,
  watchesBreak: (fault) => `the watches of ${whose(fault)} break`,
  keepAlivesInVain: (fault) => `a leader of etcd that was replaced acknowledges keep-alives ${lasting(fault)}`,
  leaseExpires: (fault) => `etcd takes the leases of ${whose(fault)} away`,
  seatExpires: () => 'whoever coordinates loses its key in etcd',
  callsLate: (fault) => `${often(fault)} ${whose(fault)} are up to ${msText(fault.byMs ?? 0)} late ${lasting(fault)}`,
  answersLost: (fault) => `${often(fault)} ${whose(fault)} are carried out and not answered ${lasting(fault)}`,
  requestsLost: (fault) => `${often(fault)} ${whose(fault)} are lost ${lasting(fault)}`,
  requestsSlow: (fault) => `calls of ${whose(fault)} take ${msText(fault.byMs ?? 0)} longer to etcd ${lasting(fault)}`,
  answersSlow: (fault) => `answers to ${whose(fault)} take ${msText(fault.byMs ?? 0)} longer ${lasting(fault)}`,
  coordinatorCrash: (fault) =>
    `whoever coordinates is killed${fault.silent ? ' with its machine' : ''}, and starts again ${msText(fault.forMs ?? 0)} later`,
  coordinatorStop: (fault) =>
    `whoever coordinates is told to stop, and starts again ${msText(fault.forMs ?? 0)} after that`,
  coordinatorPause: (fault) => `whoever coordinates stands still ${lasting(fault)}`,
  coordinatorSuspend: (fault) => `the machine of whoever coordinates sleeps ${lasting(fault)}`,
  coordinatorCut: (fault) => `whoever coordinates is cut off from etcd ${lasting(fault)}`,
}

/** One sentence about it, without its time. */
export const anyFaultText = (fault: AnyFault): string =>
  isOfEtcd(fault) ? TEXTS[fault.fault](fault) : memberText(fault)
