import { expect, it } from 'vitest'
import { isNews } from '../../../src/backends/etcd/news.ts'
import type { SessionRecord } from '../../../src/backends/etcd/records.ts'
import type { Leave, Renew, ShareMessage } from '../../../src/core/group/messages.ts'

const SEAT = { group: 'g', member: 'm', bootId: 'm-1' }
const KNOWN = { order: 2, incarnation: 70, generation: 7 }
const [FIRST, SECOND] = [
  { item: 0, epoch: 71 },
  { item: 1, epoch: 72 },
]

const said = (more: Partial<Renew> = {}, generation = 7): SessionRecord => ({
  generation,
  message: { type: 'renew', ...SEAT, sequence: 1, order: 0, holding: [], draining: [], acknowledged: [], ...more },
})

const leave = (incarnation: number, generation = 7): SessionRecord => {
  const message: Leave = { type: 'leave', ...SEAT, sequence: 9, incarnation }
  return { generation, message }
}

const share = (more: Partial<ShareMessage> = {}): ShareMessage => ({
  type: 'share',
  ...SEAT,
  generation: 7,
  incarnation: 70,
  sequence: 1,
  order: 2,
  state: 'settled',
  epoch: 71,
  leaseMs: 6_000,
  members: 1,
  share: { partitions: 2 },
  holding: [FIRST],
  revoked: [],
  ...more,
})

it.each<[string, boolean, SessionRecord, SessionRecord | undefined, ShareMessage | undefined]>([
  ['a first word', true, said(), undefined, undefined],
  ['the same again', false, said(), said(), undefined],
  ['the same to another coordinator', true, said({}, 8), said({}, 7), undefined],
  ['that it has what its share says', false, said({ ...KNOWN, holding: [FIRST] }), said(), share()],
  ['that it has not seen its share yet', false, said({ ...KNOWN, order: 1 }), said(), share()],
  ['that it has seen its share, and has it not', true, said(KNOWN), said(), share()],
  ['the same, said before', false, said(KNOWN), said(KNOWN), share()],
  ['that it has what it was not given', false, said({ ...KNOWN, holding: [FIRST, SECOND] }), said(), share()],
  ['that it has it at another epoch', true, said({ ...KNOWN, holding: [{ item: 0, epoch: 70 }] }), said(), share()],
  [
    'that it drains what was taken back',
    false,
    said({ ...KNOWN, draining: [FIRST] }),
    said(),
    share({ holding: [], revoked: [FIRST] }),
  ],
  ['that it drains what it may keep', true, said({ ...KNOWN, draining: [FIRST] }), said(), share()],
  [
    'that it has let go',
    true,
    said({ ...KNOWN, acknowledged: [FIRST] }),
    said(),
    share({ holding: [], revoked: [FIRST] }),
  ],
  [
    'that it has let go, said before',
    false,
    said({ ...KNOWN, acknowledged: [FIRST] }),
    said({ ...KNOWN, acknowledged: [FIRST] }),
    share({ holding: [], revoked: [FIRST] }),
  ],
  ['no more of what was heard', false, said({ ...KNOWN, holding: [FIRST] }), said({ acknowledged: [SECOND] }), share()],
  ['another weight', true, said({ weight: 2 }), said({ weight: 1 }), undefined],
  ['other metadata', true, said({ metadata: { a: 1 } }), said({ metadata: { a: 2 } }), undefined],
  ['the same metadata', false, said({ metadata: { a: 1, b: 2 } }), said({ metadata: { b: 2, a: 1 } }), undefined],
  ['nothing of its metadata', false, said(), said({ metadata: 1 }), undefined],
  ['what its group shares, which was told to it', false, said({ share: { partitions: 2 } }), said(), share()],
  ['that it shares in another way', true, said({ share: 'index' }), said({ share: { partitions: 2 } }), undefined],
  ['that it is on its way out', true, said({ leaving: true }), said(), undefined],
  ['a leave', true, leave(70), said(), share()],
  ['a leave, said before', false, leave(70), leave(70), share()],
  ['a leave of the session that it has got since', true, leave(80), leave(70), share()],
  ['a leave to another coordinator', true, leave(70, 8), leave(70), share()],
])('%s: %s', (_what, expected, record, before, answer) => {
  expect(isNews(record, { said: before, share: answer })).toBe(expected)
})
