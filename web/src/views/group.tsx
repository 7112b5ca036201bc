import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { movesOf, renumberedBy } from '../../../src/core/group/planned.ts'
import type { GroupView } from '../../../src/core/group/view.ts'
import { order, path } from '../api.ts'
import { Feed } from '../feed.ts'
import { pictureAfter } from '../model/past.ts'
import { countOf, itemOf } from '../model/words.ts'
import { Confirm } from '../parts/confirm.tsx'
import { Strip } from '../parts/strip.tsx'
import { server } from '../server.ts'
import { useStore } from '../store.ts'
import { EventList } from './event-list.tsx'
import { Explanation, type Question } from './explanation.tsx'
import { MemberList } from './member-list.tsx'
import { TimeSlider } from './time-slider.tsx'

const useFeed = (name: string): Feed | undefined => {
  const feed = useRef<Feed | undefined>(undefined)
  const [, render] = useState(0)
  useEffect(() => {
    const own = new Feed(name, () => render((before) => before + 1))
    feed.current = own
    return () => own.close()
  }, [name])
  return feed.current
}

interface MemberDeed {
  readonly what: 'drain' | 'undrain' | 'evict'
  readonly member: string
}
interface GroupDeed {
  readonly what: 'freeze' | 'thaw'
}
type Deed = MemberDeed | GroupDeed

/** One group, as it is and as it was. */
export const GroupPage = ({ name }: { name: string }) => {
  const feed = useFeed(name)
  const { operates } = useStore(server)
  const [position, setPosition] = useState<number>()
  const [question, setQuestion] = useState<Question>()
  const [deed, setDeed] = useState<Deed>()
  const { events = [], base, live } = feed ?? {}
  const shown = position === undefined ? events.length : Math.min(position, events.length)
  const past = useMemo(
    () => (position === undefined || base === undefined ? undefined : pictureAfter(base, events, shown)),
    [position, base, shown],
  )
  const picture = past ?? live
  if (feed === undefined || picture === undefined) {
    return (
      <>
        <h1>{name}</h1>
        {feed?.problem === undefined ? <p aria-busy="true">Asking the server…</p> : <p role="status">{feed.problem}</p>}
        {events.length > 0 && <EventList events={events} />}
      </>
    )
  }
  const isPast = past !== undefined
  const has = picture.kind !== 'none'
  return (
    <>
      <h1>{name}</h1>
      <p class="state" aria-live="polite">
        <span class={`pill ${picture.state}`}>{picture.state}</span> {countOf(picture.members.size, 'member')}, epoch{' '}
        {picture.epoch}
        {picture.frozen && ', frozen by an operator'}
        {isPast && ' – as it was'}
      </p>
      {picture.state === 'settling' && <div class="settling-bar" aria-hidden="true" />}
      <div class="buttons">
        <button type="button" onClick={() => setQuestion({ type: 'group' })}>
          Explain the group
        </button>
        {operates && picture.kind === 'partitions' && (
          <button type="button" onClick={() => setDeed({ what: live?.frozen === true ? 'thaw' : 'freeze' })}>
            {live?.frozen === true ? 'Thaw the group' : 'Freeze the group'}
          </button>
        )}
      </div>
      {has && (
        <Strip
          name={name}
          picture={picture}
          chosen={question?.type === 'member' ? question.member : undefined}
          choose={(at) => setQuestion(questionOf(picture.kind, at, picture.cells[at]?.owner))}
        />
      )}
      <TimeSlider events={events} position={position} forgotten={feed.forgotten} move={setPosition} />
      {question !== undefined && (
        <Explanation
          key={JSON.stringify(question)}
          group={name}
          question={question}
          title={titleOf(question, picture.kind)}
          isPast={isPast}
          close={() => setQuestion(undefined)}
        />
      )}
      <section class="card">
        <h2>Members</h2>
        <MemberList
          picture={picture}
          explain={(member) => setQuestion({ type: 'member', member })}
          {...(operates && !isPast && { act: (what, member) => setDeed({ what, member }) })}
        />
      </section>
      <section class="card">
        <h2>Events</h2>
        <EventList events={position === undefined ? events : events.slice(0, shown)} />
      </section>
      {deed !== undefined && (
        <Confirm
          title={askOf(deed)}
          doIt={WORDS[deed.what]}
          act={() => perform(name, deed)}
          close={() => setDeed(undefined)}
        >
          <p>{previewOf(feed.view, deed)}</p>
        </Confirm>
      )}
    </>
  )
}

const questionOf = (kind: string, at: number, owner: string | undefined): Question => {
  if (kind === 'partitions') return { type: 'partition', partition: at }
  return owner === undefined ? { type: 'group' } : { type: 'member', member: owner }
}

const titleOf = (question: Question, kind: 'partitions' | 'slots' | 'tenure' | 'once' | 'none'): string => {
  if (question.type === 'group') return 'Why is the group as it is?'
  return question.type === 'member'
    ? `Why has ${question.member} what it has?`
    : `Why is ${itemOf(kind, question.partition).toLowerCase()} where it is?`
}

const WORDS = { drain: 'Drain', undrain: 'Give work again', evict: 'Evict', freeze: 'Freeze', thaw: 'Thaw' } as const

const askOf = (deed: Deed): string =>
  'member' in deed
    ? { drain: `Drain ${deed.member}?`, undrain: `Give ${deed.member} work again?`, evict: `Evict ${deed.member}?` }[
        deed.what
      ]
    : { freeze: 'Freeze the group?', thaw: 'Thaw the group?' }[deed.what]

const perform = (group: string, deed: Deed): Promise<void> => {
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
  }
}

const PREVIEWS = {
  freeze: 'No partition is taken from a member that lives, until the group is thawed.',
  thaw: 'What has waited moves once the group has settled.',
} as const

/** What would move, by the group's own rules, before anything does. */
const previewOf = (view: GroupView | undefined, deed: Deed): string => {
  if (!('member' in deed)) return PREVIEWS[deed.what]
  const fate = {
    drain: 'It lets go of what it has and is given nothing more.',
    undrain: 'It is given work again.',
    evict: 'It is fenced, and its leases run out; a process that lives may not come back under this run.',
  }[deed.what]
  return `${fate} ${planned(view, deed)}`
}

const planned = (view: GroupView | undefined, { what, member }: MemberDeed): string => {
  if (view === undefined || what === 'undrain') return ''
  if (typeof view.share !== 'string') {
    const { moves, minimum } = movesOf(view, view.share.partitions, { leave: [member] })
    const to = new Set(moves.flatMap((move) => move.to ?? []))
    if (moves.length === 0) return 'Plan: nothing would move.'
    return `Plan: ${countOf(moves.length, 'partition')} would move to ${countOf(to.size, 'member')}; the fewest that fair loads allow: ${minimum}.`
  }
  if (view.share === 'index') {
    const { renumbered, total } = renumberedBy(view, { leave: [member] })
    return `Plan: the total goes from ${total.from} to ${total.to}, and ${countOf(renumbered.length, 'member')} would get another index or none.`
  }
  return view.share === 'tenure' ? 'If it leads, whoever has waited longest follows.' : ''
}
