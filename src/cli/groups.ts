import { type ShareKind, TENURE } from '../core/group/messages.ts'
import type { GroupView, MemberView } from '../core/group/view.ts'
import { CaucusError } from '../errors.ts'
import type { Guarantees } from '../ports/hosting.ts'
import { type Api, requestJson } from './api.ts'
import { isLeader, type Leader, plainLeader } from './leader.ts'
import { formatRanges } from './work/share.ts'

/** What `caucus status --json` prints. */
export interface Status {
  readonly version: string
  readonly guarantees: Guarantees
  /** Of a cluster of peers. */
  readonly leader?: Leader
  readonly groups: readonly GroupView[]
}

export const fetchStatus = async (api: Api): Promise<Status> => readStatus(await requestJson(api, '/v1/status'))

/** What a server answered, with the fields that scripts may rely on. */
export const readStatus = (answer: unknown): Status => {
  if (!isStatus(answer)) throw new CaucusError('CAUCUS_PROTOCOL', 'the server did not answer as a caucus server does')
  const { version, guarantees, leader, groups } = answer
  const led = isLeader(leader) ? { leader: plainLeader(leader) } : {}
  return { version, guarantees, ...led, groups: groups.map(plainGroup) }
}

const isStatus = (answer: unknown): answer is Status =>
  typeof answer === 'object' &&
  answer !== null &&
  'version' in answer &&
  'guarantees' in answer &&
  'groups' in answer &&
  Array.isArray(answer.groups)

/** The fields that scripts may rely on, and no others. */
export const plainGroup = ({
  name,
  state,
  epoch,
  total,
  share,
  members,
  kept,
  frozen,
  pins,
}: GroupView): GroupView => ({
  name,
  state,
  epoch,
  total,
  share,
  members: members.map((member) => ({ ...member, metadata: member.metadata ?? null })),
  ...(kept !== undefined && { kept }),
  ...(frozen !== undefined && { frozen }),
  ...(pins !== undefined && { pins }),
})

export const describeShare = (share: ShareKind): string =>
  typeof share === 'string' ? share : `${share.partitions} partitions`

/** What a member has: `2 of 5`, `0-15,33`, `leads`, or `-` while it has nothing. */
export const describePlace = (
  { index, partitions, leads }: Pick<MemberView, 'index' | 'partitions' | 'leads'>,
  total: number,
): string => {
  if (leads === true) return 'leads'
  if (index !== undefined) return `${index} of ${total}`
  return partitions === undefined || partitions.length === 0 ? '-' : formatRanges(partitions)
}

/** What is special about a member, for people: `static, drained, finishing 3, 7`. */
export const describeNotes = ({ static: isStatic, drained, partitions, revoked = [] }: MemberView): string => {
  // Indexes begin with 1, and whoever is in a group of partitions has a list of them.
  const isTenure = partitions === undefined && revoked.includes(TENURE)
  return [
    ...(isStatic === true ? ['static'] : []),
    ...(drained === true ? ['drained'] : []),
    ...(revoked.length > 0 ? [isTenure ? 'resigning' : `finishing ${formatRanges(revoked)}`] : []),
  ].join(', ')
}

/** What operators ordered of a group, and the places that are kept in it: `frozen, 2 pins, 1 kept`. */
export const describeOrders = ({ frozen, pins = [], kept = [] }: GroupView): string =>
  [
    ...(frozen === true ? ['frozen'] : []),
    ...(pins.length > 0 ? [`${pins.length} ${pins.length === 1 ? 'pin' : 'pins'}`] : []),
    ...(kept.length > 0 ? [`${kept.length} kept`] : []),
  ].join(', ')
