import { useState } from 'preact/hooks'
import { cssOf } from '../model/colours.ts'
import { holdingsOf } from '../model/diff.ts'
import type { Picture } from '../model/picture.ts'
import { describeHolding, shortJson } from '../model/words.ts'
import { LongList } from '../parts/long-list.tsx'
import { palette } from '../parts/strip.tsx'
import { useIsDark } from '../parts/theme.ts'

interface MemberListProps {
  readonly picture: Picture
  readonly explain: (member: string) => void
  readonly act?: (what: 'drain' | 'undrain' | 'evict', member: string) => void
}

export const MemberList = ({ picture, explain, act }: MemberListProps) => {
  const isDark = useIsDark()
  const [wanted, setWanted] = useState('')
  const all = [...picture.members.values()]
  const people = wanted === '' ? all : all.filter(({ id }) => id.toLowerCase().includes(wanted.toLowerCase()))
  const having = holdingsOf(picture.cells)
  const columns = ['Member', 'Has', 'State', 'Says of itself', ...(act === undefined ? [] : ['Actions'])]
  return (
    <>
      {all.length > 10 && (
        <label class="compact">
          Find a member
          <input type="search" value={wanted} onInput={(event) => setWanted(event.currentTarget.value)} />
        </label>
      )}
      <LongList
        label="Members"
        kind={act === undefined ? 'members' : 'members operated'}
        columns={columns}
        count={people.length}
        rowHeight={36}
        rowKey={(at) => people[at]?.id ?? ''}
        row={(at) => {
          const person = people[at]
          if (person === undefined) return columns.map(() => '')
          const { id, weight, drained, isStatic, metadata } = person
          const states = [drained && 'drained', isStatic && 'static', weight !== 1 && `weight ${weight}`].filter(
            Boolean,
          )
          const cells = [
            <button key="id" type="button" class="link" title={`Explain ${id}`} onClick={() => explain(id)}>
              <span class="swatch" style={{ background: cssOf(palette.rgbOf(id, isDark)) }} /> {id}
            </button>,
            describeHolding(picture.kind, having(id)),
            states.join(', '),
            shortJson(metadata),
          ]
          if (act === undefined) return cells
          const turn = drained ? 'undrain' : 'drain'
          return [
            ...cells,
            <span key="acts" class="acts">
              <button
                type="button"
                aria-label={`${turn === 'drain' ? 'Drain' : 'Undrain'} ${id}`}
                onClick={() => act(turn, id)}
              >
                {turn === 'drain' ? 'Drain' : 'Undrain'}
              </button>
              <button type="button" aria-label={`Evict ${id}`} onClick={() => act('evict', id)}>
                Evict
              </button>
            </span>,
          ]
        }}
      />
    </>
  )
}
