import type { GroupView } from '../../../src/core/group/view.ts'
import { hashOfRoute } from '../model/route.ts'
import { LongList } from '../parts/long-list.tsx'
import { server } from '../server.ts'
import { useStore } from '../store.ts'

const shareOf = ({ share }: GroupView): string => {
  if (typeof share !== 'string') return `${share.partitions} partitions`
  return { index: 'indexes', tenure: 'election', once: 'runs once', none: 'service' }[share]
}

const whoOf = ({ share, members }: GroupView): string => {
  if (share !== 'tenure' && share !== 'once') return ''
  return members.find(({ leads, runs }) => leads === true || runs === true)?.id ?? 'nobody'
}

export const GroupTable = ({ groups }: { groups: readonly GroupView[] }) => {
  if (groups.length === 0) return <p>There is no group yet: one begins with its first member.</p>
  return (
    <LongList
      label="Groups"
      kind="groups"
      columns={['Group', 'Shares', 'Members', 'State', 'Leads or runs']}
      count={groups.length}
      rowHeight={34}
      rowKey={(at) => groups[at]?.name ?? ''}
      row={(at) => {
        const group = groups[at] as GroupView
        return [
          <a key="name" href={hashOfRoute({ page: 'groups', name: group.name })}>
            {group.name}
          </a>,
          shareOf(group),
          group.members.length,
          <span key="state" class={`pill ${group.state}`}>
            {group.state}
            {group.frozen === true && ', frozen'}
          </span>,
          whoOf(group),
        ]
      }}
    />
  )
}

export const GroupsPage = () => {
  const { status } = useStore(server)
  return (
    <>
      <h1>Groups</h1>
      {status === undefined ? <p aria-busy="true">Asking the server…</p> : <GroupTable groups={status.groups} />}
    </>
  )
}
