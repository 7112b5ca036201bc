import type { Fault, FaultName } from './fault.ts'
import type { SimulatedMember } from './member.ts'

/** What has to be undone when everything is healed, before its time. */
export type Undo = () => void

/** Undoes something after a while, or when everything is healed. */
export type Later = (ms: number, undo: Undo) => void

/** Whatever has members. */
export interface Membered {
  readonly members: readonly SimulatedMember[]
  join(id?: string): unknown
}

export type MemberDeed = (cluster: Membered, fault: Fault, later: Later) => void

/** Not by itself, that is: only when everything is healed. */
export const NEVER = Number.POSITIVE_INFINITY

const onMember =
  (deed: (member: SimulatedMember, fault: Fault, later: Later) => void): MemberDeed =>
  (cluster, fault, later) => {
    const member = cluster.members.find(({ id }) => id === fault.member)
    if (member !== undefined) deed(member, fault, later)
  }

const comeBack = (member: SimulatedMember, { forMs }: Fault, later: Later): void => {
  if (forMs !== undefined) later(forMs, () => void (member.alive || member.start()))
}

/** What can be done to one member, whatever it is a member of. */
export const MEMBER_DEEDS = {
  crash: onMember((member, fault, later) => {
    member.crash({ silent: fault.silent ?? false })
    comeBack(member, fault, later)
  }),
  leave: onMember((member, fault, later) => {
    void member.leave()
    comeBack(member, fault, later)
  }),
  join: (cluster, { member }) => {
    const known = cluster.members.find(({ id }) => id === member)
    if (known === undefined) cluster.join(member)
    else if (!known.alive) known.start()
  },
  twin: onMember((member) => member.start()),
  pause: onMember((member, { forMs }) => member.pause(forMs)),
  suspend: onMember((member, { forMs }) => member.suspend(forMs)),
  wallClock: onMember((member, { byMs = 0 }) => member.stepWallClock(byMs)),
  partition: onMember((member, { forMs }) => member.partition(forMs)),
  dropUp: onMember((member, { forMs }) => member.drop('up', forMs)),
  dropDown: onMember((member, { forMs }) => member.drop('down', forMs)),
  slow: onMember((member, { byMs = 0, forMs }) => member.slow(byMs, forMs)),
  disconnect: onMember((member, { told = 'both' }) => member.disconnect({ told })),
  version: onMember((member, { forMs = NEVER, protocol }, later) => {
    const come = () => void (member.alive || member.start({ ...(protocol !== undefined && { protocol }) }))
    void member.leave().then(() => later(forMs, come))
  }),
  weight: onMember((member, { weight = 1 }) => member.setWeight(weight)),
} as const satisfies Partial<Record<FaultName, MemberDeed>>
