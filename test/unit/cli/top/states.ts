import { FIRST_LOOK } from '../../../../src/cli/top/looking.ts'
import type { Picture } from '../../../../src/cli/top/picture.ts'
import type { TopState } from '../../../../src/cli/top/state.ts'
import type { GroupView, MemberView } from '../../../../src/core/group/view.ts'
import type { PeersView } from '../../../../src/ports/peers.ts'

export const member = (id: string, more: Partial<MemberView> = {}): MemberView => ({
  id,
  incarnation: 1,
  epoch: 7,
  metadata: null,
  ...more,
})

export const group = (name: string, more: Partial<GroupView> = {}): GroupView => {
  const { members = [] } = more
  return { name, state: 'settled', epoch: 7, total: members.length, share: 'index', members, ...more }
}

export const picture = (groups: readonly GroupView[], more: Partial<Picture> = {}): Picture => ({
  version: '0.1.0',
  guarantees: { exclusion: 'fenced', survivesRestart: true, survivesPartition: true },
  groups,
  services: [],
  topics: [],
  ...more,
})

export const state = (more: Partial<TopState> = {}): TopState => ({
  nowMs: 10_000,
  clock: '12:30:00',
  server: 'http://127.0.0.1:8989',
  moved: new Map(),
  looking: FIRST_LOOK,
  keys: true,
  ...more,
})

export const leader = {
  identifier: 'a',
  host: '10.0.0.1',
  port: 8989,
  metadata: {},
  term: 4,
  token: 9,
  leaseMsLeft: 600,
}

const voter = (identifier: string, more: object = {}) => ({
  identifier,
  host: `${identifier}.example`,
  port: 8989,
  metadata: {},
  self: identifier === 'a',
  connected: true,
  ...more,
})

export const peers: PeersView = {
  cluster: 'c',
  identifier: 'a',
  role: 'leader',
  term: 4,
  quorum: 2,
  peers: [voter('a'), voter('b'), voter('c', { connected: false, problem: 'connect ECONNREFUSED' })],
  observers: [],
  waitingFor: [],
}
