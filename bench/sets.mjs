import { assignmentPlan, keysMoved } from './rows/assignment.mjs'
import { backends } from './rows/backends.mjs'
import { blockedLoop } from './rows/blocked-loop.mjs'
import { changeCost } from './rows/change.mjs'
import { coreTable } from './rows/core-table.mjs'
import { frozenMember, frozenServer } from './rows/detection.mjs'
import { dispatchAcross, silentResponder } from './rows/dispatch-across.mjs'
import { dispatchInProcess } from './rows/dispatch-in-process.mjs'
import { dispatchOnNats } from './rows/dispatch-nats.mjs'
import { etcdChange } from './rows/etcd-change.mjs'
import { etcdLocks } from './rows/etcd-locks.mjs'
import { etcdRenewals } from './rows/etcd-renewals.mjs'
import { failover } from './rows/failover.mjs'
import { failoverMembers, failoverUnclaimed } from './rows/failover-members.mjs'
import { crash, join, leave } from './rows/hand-over.mjs'
import { heartbeats } from './rows/heartbeats.mjs'
import { httpRenewals } from './rows/http-renewals.mjs'
import { idlePeers } from './rows/idle-peers.mjs'
import { liveMembers } from './rows/members.mjs'
import { memory } from './rows/memory.mjs'
import { pageFirstView, pageFrames } from './rows/page.mjs'
import { renewals } from './rows/renewals.mjs'
import { liveSessions } from './rows/sessions.mjs'
import { simulator } from './rows/simulator.mjs'
import { transfer } from './rows/transfer.mjs'
import { watched } from './rows/watched.mjs'

/** What can be asked for together. Whoever names nothing gets the groups; memory takes an hour, and has to be named. */
export const SETS = {
  groups: {
    heartbeats,
    httpRenewals,
    renewals,
    liveMembers,
    liveSessions,
    coreTable,
    crash,
    leave,
    join,
    frozenMember,
    frozenServer,
    changeCost,
    assignmentPlan,
    keysMoved,
    simulator,
  },
  dispatch: { dispatchInProcess, dispatchAcross, silentResponder },
  cluster: { failover, transfer, blockedLoop, failoverMembers, failoverUnclaimed, idlePeers },
  backends: { backends, etcdRenewals, etcdLocks, etcdChange, dispatchOnNats },
  page: { pageFirstView, pageFrames, watched },
  memory: { memory },
}

export const DEFAULT_SET = 'groups'

/** Every row by its name. */
export const ROWS = Object.assign({}, ...Object.values(SETS))
