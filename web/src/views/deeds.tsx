import { useState } from 'preact/hooks'
import type { GroupView } from '../../../src/core/group/view.ts'
import { order, path } from '../api.ts'
import { type Deed, type Planned, planOf } from '../model/plans.ts'
import { Confirm } from '../parts/confirm.tsx'
import { Dialog } from '../parts/dialog.tsx'

type Order = Exclude<Deed, { readonly what: 'ask' }>

interface DeedProps {
  readonly view: GroupView
  readonly deed: Order
  readonly close: () => void
}

/** Says what would move, and orders it when told to. */
export const DoDeed = ({ view, deed, close }: DeedProps) => {
  const [member, setMember] = useState('member' in deed ? deed.member : '')
  const meant: Order = deed.what === 'pin' ? { ...deed, member } : deed
  return (
    <Confirm title={askOf(deed)} doIt={WORDS[deed.what]} act={() => perform(view.name, meant)} close={close}>
      {deed.what === 'pin' && (
        <label>
          Member
          <select value={member} onChange={(event) => setMember(event.currentTarget.value)}>
            {view.members.map(({ id }) => (
              <option key={id} value={id}>
                {id}
              </option>
            ))}
          </select>
        </label>
      )}
      <p>{FATES[deed.what]}</p>
      <Plan planned={planOf(view, meant)} />
    </Confirm>
  )
}

const WORDS = {
  drain: 'Drain',
  undrain: 'Give work again',
  evict: 'Evict',
  freeze: 'Freeze',
  thaw: 'Thaw',
  pin: 'Pin',
  unpin: 'Take the pin away',
} as const

const askOf = (deed: Order): string => {
  switch (deed.what) {
    case 'drain':
      return `Drain ${deed.member}?`
    case 'undrain':
      return `Give ${deed.member} work again?`
    case 'evict':
      return `Evict ${deed.member}?`
    case 'freeze':
      return 'Freeze the group?'
    case 'thaw':
      return 'Thaw the group?'
    case 'pin':
      return `Pin partition ${deed.partition}?`
    case 'unpin':
      return `Take the pin of partition ${deed.partition} away?`
  }
}

const FATES = {
  drain: 'It lets go of what it has and is given nothing more.',
  undrain: 'It is given work again.',
  evict: 'It is fenced, and its leases run out; a process that lives may not come back under this run.',
  freeze: 'No partition is taken from a member that lives, until the group is thawed.',
  thaw: 'What has waited moves once the group has settled.',
  pin: 'The partition goes there, and stays for as long as that member is there.',
  unpin: 'The partition goes wherever fair loads want it.',
} as const

const perform = (group: string, deed: Order): Promise<void> => {
  switch (deed.what) {
    case 'drain':
      return order('PUT', path`/v1/groups/${group}/members/${deed.member}/drain`)
    case 'undrain':
      return order('DELETE', path`/v1/groups/${group}/members/${deed.member}/drain`)
    case 'evict':
      return order('DELETE', path`/v1/groups/${group}/members/${deed.member}`)
    case 'freeze':
      return order('PUT', path`/v1/groups/${group}/freeze`)
    case 'thaw':
      return order('DELETE', path`/v1/groups/${group}/freeze`)
    case 'pin':
      return order('PUT', path`/v1/groups/${group}/pins/${deed.partition}`, { member: deed.member })
    case 'unpin':
      return order('DELETE', path`/v1/groups/${group}/pins/${deed.partition}`)
  }
}

const MOST_WAYS = 8

const Plan = ({ planned: { sentence, ways } }: { planned: Planned }) => (
  <div class="plan" aria-live="polite">
    <p class="sentence">{sentence}</p>
    {ways.length > 0 && (
      <table>
        <thead>
          <tr>
            <th scope="col">From</th>
            <th scope="col">To</th>
            <th scope="col" class="number">
              Partitions
            </th>
          </tr>
        </thead>
        <tbody>
          {ways.slice(0, MOST_WAYS).map(({ from, to, count }) => (
            <tr key={`${from}\n${to}`}>
              <td>{from}</td>
              <td>{to}</td>
              <td class="number">{count}</td>
            </tr>
          ))}
        </tbody>
      </table>
    )}
    {ways.length > MOST_WAYS && <p class="quiet">and {ways.length - MOST_WAYS} more ways</p>}
  </div>
)

const MOST_COMING = 100

/** What would move if somebody came or went. Nothing is ordered: it is for everybody who may look. */
export const AskPlan = ({ view, close }: { readonly view: GroupView; readonly close: () => void }) => {
  const [come, setCome] = useState(1)
  const [goes, setGoes] = useState('')
  const planned = planOf(view, { what: 'ask', come, go: goes === '' ? [] : [goes] })
  return (
    <Dialog title="What would move?" close={close}>
      <div class="fields">
        <label>
          Members who come
          <input
            type="number"
            min={0}
            max={MOST_COMING}
            value={come}
            onInput={({ currentTarget: { valueAsNumber: given } }) =>
              setCome(Math.min(MOST_COMING, Math.max(0, Math.floor(given) || 0)))
            }
          />
        </label>
        <label>
          Who goes
          <select value={goes} onChange={(event) => setGoes(event.currentTarget.value)}>
            <option value="">nobody</option>
            {view.members.map(({ id }) => (
              <option key={id} value={id}>
                {id}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Plan planned={planned} />
      <p class="quiet">Nothing is changed by asking. The same rules decide when it happens.</p>
      <div class="buttons">
        <button type="button" onClick={close}>
          Close
        </button>
      </div>
    </Dialog>
  )
}
