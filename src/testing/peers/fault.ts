import type { Millis } from '../../core/time.ts'
import type { Scheduled } from '../cluster/deed-player.ts'
import { FAULT_NAMES as CLUSTER_FAULTS, type Fault, faultText as memberText } from '../cluster/fault.ts'
import { MEMBER_DEEDS } from '../cluster/member-deeds.ts'
import { msText } from '../cluster/violation.ts'

/** What can be done to peers. */
export const PEER_FAULTS = [
  'peerCrash',
  'peerStop',
  'peerPause',
  'peerSuspend',
  'peerWallClock',
  'peerLosesDisk',
  'peerDiskSlow',
  'peerDiskFull',
  'peerCut',
  'peerUnheard',
  'peerDeaf',
  'pairCut',
  'peerDisconnect',
  'peerSlow',
  'memberCut',
  'transfer',
  'rolling',
  'operatorEvicts',
] as const

export type PeerFaultName = (typeof PEER_FAULTS)[number]

export type MemberFaultName = keyof typeof MEMBER_DEEDS

/** What can be done to members, whoever leads. */
export const MEMBER_FAULTS = CLUSTER_FAULTS.filter((name): name is MemberFaultName => Object.hasOwn(MEMBER_DEEDS, name))

export type AnyFaultName = PeerFaultName | MemberFaultName

/** The peer that leads when it happens. */
export const LEADER = 'leader'

/** One thing that goes wrong with peers, as data. */
export interface PeerFault extends Scheduled<PeerFaultName> {
  /** A peer's id, or whoever leads at that instant. */
  readonly peer: string
  /** Another peer, or a member. */
  readonly other?: string
  readonly forMs?: Millis
  readonly byMs?: Millis
  readonly silent?: boolean
  /** Of the disk its copy of the charter is lost, and nothing else. */
  readonly charterAlone?: boolean
}

export type MemberFault = Fault & { readonly fault: MemberFaultName }

export type AnyFault = PeerFault | MemberFault

export const isOfPeers = (fault: AnyFault): fault is PeerFault =>
  (PEER_FAULTS as readonly string[]).includes(fault.fault)

const lasting = ({ forMs = 0 }: PeerFault): string => `for ${msText(forMs)}`

const TEXTS: Readonly<Record<PeerFaultName, (fault: PeerFault) => string>> = {
  peerCrash: ({ silent, forMs = 0 }) =>
    `is killed${silent ? ' with its machine' : ''} and starts again ${msText(forMs)} later`,
  peerStop: ({ forMs = 0 }) => `is told to stop, and starts again ${msText(forMs)} after that`,
  peerPause: (fault) => `stands still ${lasting(fault)}`,
  peerSuspend: (fault) => `sleeps with its machine ${lasting(fault)}`,
  peerWallClock: ({ byMs = 0 }) => `has its wall clock set by ${msText(byMs)}`,
  peerLosesDisk: ({ forMs = 0, charterAlone }) =>
    `is killed, loses its ${charterAlone ? 'charter' : 'disk'} and starts again ${msText(forMs)} later`,
  peerDiskSlow: (fault) => `takes ${msText(fault.byMs ?? 0)} for each write ${lasting(fault)}`,
  peerDiskFull: (fault) => `can write nothing down ${lasting(fault)}`,
  peerCut: (fault) => `and the other peers are cut off from each other ${lasting(fault)}`,
  peerUnheard: (fault) => `is not heard by the other peers ${lasting(fault)}`,
  peerDeaf: (fault) => `does not hear the other peers ${lasting(fault)}`,
  pairCut: (fault) => `and ${fault.other} are cut off from each other ${lasting(fault)}`,
  peerDisconnect: () => 'loses all of its connections',
  peerSlow: (fault) => `is ${msText(fault.byMs ?? 0)} further away from the other peers ${lasting(fault)}`,
  memberCut: (fault) => `and ${fault.other} are cut off from each other ${lasting(fault)}`,
  transfer: ({ other }) => `is to hand over${other === undefined ? '' : ` to ${other}`}`,
  rolling: () => 'and then each of the others is told to stop, and starts again',
  operatorEvicts: ({ other }) => `is told by an operator to remove ${other}`,
}

/** One sentence about it, without its time. */
export const anyFaultText = (fault: AnyFault): string =>
  isOfPeers(fault)
    ? `${fault.peer === LEADER ? 'the leader' : fault.peer} ${TEXTS[fault.fault](fault)}`
    : memberText(fault)
