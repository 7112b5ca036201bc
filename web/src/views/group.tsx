import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { conditionOf } from '../../../src/core/group/explain/words.ts'
import { explainWhy, type Subject } from '../../../src/core/group/explain.ts'
import type { RecordedEvent } from '../../../src/ports/hosting.ts'
import { Feed } from '../feed.ts'
import { pastAt, viewOfPicture } from '../model/moment.ts'
import { pictureAfter } from '../model/past.ts'
import type { Kind, Picture } from '../model/picture.ts'
import type { Deed } from '../model/plans.ts'
import { hashOfRoute } from '../model/route.ts'
import { clockOf, countOf, itemOf } from '../model/words.ts'
import { Strip } from '../parts/strip.tsx'
import { server } from '../server.ts'
import { useStore } from '../store.ts'
import { AskPlan, DoDeed } from './deeds.tsx'
import { EventList } from './event-list.tsx'
import { Explanation, type Told } from './explanation.tsx'
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

type Order = Exclude<Deed, { readonly what: 'ask' }>

/** One group, as it is and as it was. */
export const GroupPage = ({ name }: { name: string }) => {
  const feed = useFeed(name)
  const { operates } = useStore(server)
  // Counted from the first event ever heard of, so that it stays where it is while old ones are forgotten.
  const [position, setPosition] = useState<number>()
  const [question, setQuestion] = useState<Subject>()
  const [deed, setDeed] = useState<Order>()
  const [asks, setAsks] = useState(false)
  const { events = [], base, live, dropped = 0 } = feed ?? {}
  const shown = position === undefined ? undefined : Math.min(Math.max(0, position - dropped), events.length)
  const past = useMemo(
    () => (shown === undefined || base === undefined ? undefined : pictureAfter(base, events, shown)),
    [shown, base, dropped],
  )
  const picture = past ?? live
  if (feed === undefined || picture === undefined) {
    return (
      <>
        <Title name={name} />
        {feed?.problem === undefined ? <p aria-busy="true">Asking the server…</p> : <p role="status">{feed.problem}</p>}
        {events.length > 0 && <EventList events={events} />}
      </>
    )
  }
  const isPast = past !== undefined
  const condition = conditionOf(picture.state, picture.members.size)
  const acts = operates && !isPast
  const move = (to: number | undefined) => setPosition(to === undefined ? undefined : to + dropped)
  return (
    <>
      <div class="heading">
        <Title name={name} />
        <div class="buttons">
          <button type="button" onClick={() => setQuestion({ type: 'group' })}>
            {picture.kind === 'tenure' ? 'Explain the lead' : 'Explain the group'}
          </button>
          {live !== undefined && (picture.kind === 'partitions' || picture.kind === 'slots') && (
            <button type="button" onClick={() => setAsks(true)}>
              Plan a change
            </button>
          )}
          {operates && live !== undefined && picture.kind === 'partitions' && (
            <button type="button" onClick={() => setDeed({ what: live.frozen ? 'thaw' : 'freeze' })}>
              {live.frozen ? 'Thaw the group' : 'Freeze the group'}
            </button>
          )}
        </div>
      </div>
      <State picture={picture} condition={condition} isPast={isPast} />
      <section class={`card stage${isPast ? ' past' : ''}`} aria-label="What is shared out">
        <div class={condition === 'settling' ? 'settling-bar' : 'settling-bar off'} aria-hidden="true" />
        {picture.kind !== 'none' && (
          <Strip
            name={name}
            picture={picture}
            chosen={question?.type === 'member' ? question.member : undefined}
            choose={(at) => setQuestion(questionOf(picture.kind, at, picture.cells[at]?.owner))}
          />
        )}
        <TimeSlider events={events} position={shown} forgotten={feed.forgotten} move={move} />
      </section>
      {question !== undefined && (
        <Why
          key={JSON.stringify(question)}
          feed={feed}
          picture={picture}
          shown={shown}
          question={question}
          close={() => setQuestion(undefined)}
          {...(acts && { act: setDeed })}
        />
      )}
      <section class="card">
        <h2>Members</h2>
        <MemberList
          picture={picture}
          explain={(member) => setQuestion({ type: 'member', member })}
          {...(acts && { act: (what, member) => setDeed({ what, member }) })}
        />
      </section>
      <section class="card">
        <h2>Events</h2>
        <EventList events={shown === undefined ? events : events.slice(0, shown)} />
      </section>
      {deed !== undefined && live !== undefined && (
        <DoDeed view={viewOfPicture(name, live)} deed={deed} close={() => setDeed(undefined)} />
      )}
      {asks && live !== undefined && <AskPlan view={viewOfPicture(name, live)} close={() => setAsks(false)} />}
    </>
  )
}

const Title = ({ name }: { name: string }) => (
  <div>
    <p class="crumb">
      <a href={hashOfRoute({ page: 'groups' })}>Groups</a>
    </p>
    <h1>{name}</h1>
  </div>
)

const State = ({ picture, condition, isPast }: { picture: Picture; condition: string; isPast: boolean }) => (
  <p class="state" aria-live="polite">
    <span class={`pill ${condition}`}>{condition}</span> {countOf(picture.members.size, 'member')}
    {picture.frozen && ', frozen by an operator'} <span class="quiet">epoch {picture.epoch}</span>
    {isPast && <strong class="pill asit">as it was</strong>}
  </p>
)

interface WhyProps {
  readonly feed: Feed
  readonly picture: Picture
  readonly shown: number | undefined
  readonly question: Subject
  readonly close: () => void
  readonly act?: (deed: Order) => void
}

/** While much happens, the sentence is not to change faster than it is read. */
const CALM_MS = 1_000

/** Why something is as it is, or was at the moment that the slider shows. */
const Why = ({ feed, picture, shown, question, close, act }: WhyProps) => {
  // Rendered anew only when something has happened since.
  const [last, setLast] = useState(feed.events.at(-1)?.revision)
  useEffect(() => {
    const timer = setInterval(() => setLast(feed.events.at(-1)?.revision), CALM_MS)
    return () => clearInterval(timer)
  }, [feed])
  const told = useMemo((): Told => {
    const count = shown ?? feed.events.length
    const nowMs = shown === undefined ? feed.nowMs : (feed.events[count - 1]?.atMs ?? feed.sinceMs)
    return explainWhy(viewOfPicture(feed.group, picture), pastAt(feed, count, nowMs), question)
  }, [question, shown, last])
  const pin = question.type === 'partition' ? picture.pins.get(question.partition) : undefined
  const owner = question.type === 'partition' ? picture.cells[question.partition]?.owner : undefined
  return (
    <Explanation
      title={titleOf(question, picture.kind)}
      told={told}
      asOf={shown === undefined ? undefined : momentOf(feed.events, shown)}
      close={close}
    >
      {act !== undefined && question.type === 'partition' && (
        <>
          <button
            type="button"
            onClick={() =>
              act({
                what: 'pin',
                partition: question.partition,
                member: pin ?? owner ?? [...picture.members.keys()][0] ?? '',
              })
            }
          >
            Pin partition {question.partition}
          </button>
          {pin !== undefined && (
            <button type="button" onClick={() => act({ what: 'unpin', partition: question.partition })}>
              Take its pin away
            </button>
          )}
        </>
      )}
    </Explanation>
  )
}

const momentOf = (events: readonly RecordedEvent[], shown: number): string => {
  const last = events[shown - 1]
  return last === undefined ? 'the beginning of what is known' : `${clockOf(last.atMs)}, after ${last.event.type}`
}

const questionOf = (kind: Kind, at: number, owner: string | undefined): Subject => {
  if (kind === 'partitions') return { type: 'partition', partition: at }
  return owner === undefined ? { type: 'group' } : { type: 'member', member: owner }
}

const titleOf = (question: Subject, kind: Kind): string => {
  if (question.type === 'group') return kind === 'tenure' ? 'Why does it lead?' : 'Why is the group as it is?'
  return question.type === 'member'
    ? `Why has ${question.member} what it has?`
    : `Why is ${itemOf(kind, question.partition).toLowerCase()} where it is?`
}
