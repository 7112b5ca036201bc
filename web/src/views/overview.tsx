import { conditionOf } from '../../../src/core/group/explain/words.ts'
import { server } from '../server.ts'
import { useStore } from '../store.ts'
import { Cluster } from './cluster.tsx'
import { GroupTable } from './groups.tsx'

export const Overview = () => {
  const { status, peers } = useStore(server)
  return (
    <>
      <h1>Who is here, and who leads</h1>
      {status !== undefined && <Counts groups={status.groups} />}
      <div class="columns">
        {peers !== undefined && peers !== 'none' && <Cluster peers={peers} />}
        {peers === 'none' && (
          <section class="card">
            <h2>One server</h2>
            <p class="big">It leads by itself</p>
            <p>This server is no peer of a cluster: nobody takes over when it stops.</p>
          </section>
        )}
        {status !== undefined && (
          <section class="card">
            <h2>What it promises</h2>
            <dl>
              <dt>Exclusion</dt>
              <dd>{status.guarantees.exclusion}</dd>
              <dt>Survives a restart</dt>
              <dd>{status.guarantees.survivesRestart ? 'yes' : 'no'}</dd>
              <dt>Survives a partition</dt>
              <dd>{status.guarantees.survivesPartition ? 'yes' : 'no'}</dd>
              <dt>Version</dt>
              <dd>{status.version}</dd>
              <dt>Generation</dt>
              <dd>{status.generation}</dd>
              <dt>Instance</dt>
              <dd class="code">{status.instanceId}</dd>
              {status.clusterId !== status.instanceId && (
                <>
                  <dt>Cluster</dt>
                  <dd class="code">{status.clusterId}</dd>
                </>
              )}
            </dl>
          </section>
        )}
      </div>
      {status === undefined ? (
        <p aria-busy="true">Asking the server…</p>
      ) : (
        <section class="card">
          <h2>Groups</h2>
          <GroupTable groups={status.groups} />
        </section>
      )}
    </>
  )
}

interface CountsProps {
  readonly groups: readonly { readonly state: string; readonly members: number }[]
}

const Counts = ({ groups }: CountsProps) => {
  const members = groups.reduce((sum, group) => sum + group.members, 0)
  const settling = groups.filter(({ state, members }) => conditionOf(state, members) === 'settling').length
  return (
    <ul class="counts">
      <Count value={members} what={members === 1 ? 'member' : 'members'} />
      <Count value={groups.length} what={groups.length === 1 ? 'group' : 'groups'} />
      <Count value={settling} what="settling" isWarning={settling > 0} />
    </ul>
  )
}

const Count = ({ value, what, isWarning = false }: { value: number; what: string; isWarning?: boolean }) => (
  <li class={isWarning ? 'warning' : ''}>
    <strong>{value.toLocaleString('en')}</strong> {what}
  </li>
)
