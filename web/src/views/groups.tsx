import type { GroupBrief } from '../../../src/core/group/brief.ts'
import { conditionOf } from '../../../src/core/group/explain/words.ts'
import { cssOf } from '../model/colours.ts'
import { hashOfRoute } from '../model/route.ts'
import { LongList } from '../parts/long-list.tsx'
import { palette } from '../parts/strip.tsx'
import { useIsDark } from '../parts/theme.ts'
import { server } from '../server.ts'
import { useStore } from '../store.ts'

const shareOf = ({ share }: GroupBrief): string => {
  if (typeof share !== 'string') return `${share.partitions} partitions`
  return { index: 'indexes', tenure: 'election', once: 'runs once', none: 'service' }[share]
}

const Who = ({ group }: { group: GroupBrief }) => {
  const isDark = useIsDark()
  const { share, holders, others } = group
  const colourOf = (id: string) => cssOf(palette.rgbOf(id, isDark))
  if (share === 'none') return null
  if (share === 'tenure' || share === 'once') {
    const [who] = holders
    if (who === undefined) return <span class="quiet">nobody</span>
    return (
      <>
        <span class="swatch" style={{ background: colourOf(who.id) }} /> {who.id}
      </>
    )
  }
  return (
    <span class="bar" aria-hidden="true">
      {holders.map(({ id, items }) => (
        <span key={id} style={{ flexGrow: items, background: colourOf(id) }} />
      ))}
      {others !== undefined && <span class="others" style={{ flexGrow: others }} />}
    </span>
  )
}

export const GroupTable = ({ groups }: { groups: readonly GroupBrief[] }) => {
  if (groups.length === 0) return <p>There is no group yet: one begins with its first member.</p>
  return (
    <LongList
      label="Groups"
      kind="groups"
      columns={['Group', 'State', 'Members', 'Shares', 'Who has it']}
      count={groups.length}
      rowHeight={40}
      rowKey={(at) => groups[at]?.name ?? ''}
      row={(at) => {
        const group = groups[at] as GroupBrief
        const condition = conditionOf(group.state, group.members)
        return [
          <a key="name" href={hashOfRoute({ page: 'groups', name: group.name })}>
            {group.name}
          </a>,
          <span key="state" class={`pill ${condition}`}>
            {condition}
            {group.frozen === true && ', frozen'}
          </span>,
          group.members,
          shareOf(group),
          <Who key="who" group={group} />,
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
      {status === undefined ? (
        <p aria-busy="true">Asking the server…</p>
      ) : (
        <section class="card">
          <GroupTable groups={status.groups} />
        </section>
      )}
    </>
  )
}
