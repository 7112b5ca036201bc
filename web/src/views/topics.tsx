import { useEffect, useRef, useState } from 'preact/hooks'
import type { TopicRates, TopicView } from '../../../src/core/dispatch/messages.ts'
import { path } from '../api.ts'
import { hashOfRoute } from '../model/route.ts'
import { countOf, shortJson } from '../model/words.ts'
import { LongList } from '../parts/long-list.tsx'
import './topics.css'
import { describeMs, describeRate } from './topics-asks.ts'
import { AskFeed } from './topics-feed.ts'
import { AskList } from './topics-lanes.tsx'
import { useAnswer } from './use-answer.ts'

export const TopicsPage = ({ name }: { name: string | undefined }) =>
  name === undefined ? <Topics /> : <Topic key={name} name={name} />

const timeOf = (ms: number | undefined): string => (ms === undefined ? '–' : describeMs(ms))

const Topics = () => {
  const { value, fault } = useAnswer<{ topics: readonly TopicView[] }>('/v1/topics')
  const topics = value?.topics ?? []
  return (
    <>
      <h1>Topics</h1>
      <p class="lead">Who answers on which topic, and how much it is asked: each second, in the last five to ten.</p>
      <p class="fault">{fault}</p>
      {value === undefined && fault === '' && <p aria-busy="true">Asking the server…</p>}
      {value !== undefined && topics.length === 0 && <p>Nobody answers or listens on a topic.</p>}
      {topics.length > 0 && (
        <section class="card">
          <LongList
            label="Topics"
            kind="topics"
            columns={['Topic', 'Producers', 'Queued', 'Asks/s', 'Replies/s', 'Failed/s', 'Timeouts/s', 'p50', 'p99']}
            count={topics.length}
            rowHeight={38}
            rowKey={(at) => topics[at]?.topic ?? ''}
            row={(at) => rowOf(topics[at])}
          />
        </section>
      )}
    </>
  )
}

const rowOf = (view: TopicView | undefined) => {
  if (view === undefined) return []
  const { topic, producers, rates } = view
  return [
    <a key="name" href={hashOfRoute({ page: 'topics', name: topic })}>
      {topic}
    </a>,
    producers.length,
    producers.reduce((sum, { queued }) => sum + queued, 0),
    describeRate(rates?.asksPerSecond),
    describeRate(rates?.repliesPerSecond),
    describeRate(rates?.errorsPerSecond),
    describeRate(rates?.timeoutsPerSecond),
    timeOf(rates?.p50Ms),
    timeOf(rates?.p99Ms),
  ]
}

/** The stream of one topic, for as long as it is shown. */
const useAsks = (name: string): AskFeed | undefined => {
  const feed = useRef<AskFeed>(undefined)
  const [, render] = useState(0)
  useEffect(() => {
    const own = new AskFeed(name, () => render((before) => before + 1))
    feed.current = own
    return () => own.close()
  }, [name])
  return feed.current
}

const Topic = ({ name }: { name: string }) => {
  const { value, fault } = useAnswer<TopicView>(path`/v1/topics/${name}`)
  const feed = useAsks(name)
  const producers = value?.producers ?? []
  const { asks, problem = '', isHeard = false } = feed ?? {}
  const use = asks?.use
  return (
    <>
      <p class="crumb">
        <a href={hashOfRoute({ page: 'topics' })}>Topics</a>
      </p>
      <h1>{name}</h1>
      <p class="fault">{problem}</p>
      {use === undefined ? (
        isHeard && <p>Nobody answers or listens on it now.</p>
      ) : (
        <>
          <p class="quiet">
            {countOf(use.producers, 'producer')}, {countOf(use.listeners, 'listener')}
            {value !== undefined && value.late > 0 && `, ${countOf(value.late, 'answer')} came too late`}
          </p>
          <Rates rates={use.rates} />
        </>
      )}
      {problem === '' && <AskList asks={asks?.all() ?? []} untold={asks?.untold ?? 0} isHeard={isHeard} />}
      <section class="card">
        <h2>Producers</h2>
        {producers.length === 0 ? (
          <p class={fault === '' ? '' : 'quiet'}>{fault === '' ? 'There is none.' : fault}</p>
        ) : (
          <LongList
            label="Producers"
            kind="producers"
            columns={['Producer', 'At once', 'Queued', 'Says of itself']}
            count={producers.length}
            rowHeight={34}
            rowKey={(at) => producers[at]?.id ?? ''}
            row={(at) => {
              const producer = producers[at]
              return producer === undefined
                ? []
                : [producer.id, producer.concurrency, producer.queued, shortJson(producer.metadata)]
            }}
          />
        )}
      </section>
    </>
  )
}

const Rates = ({ rates }: { rates: TopicRates }) => {
  const { errorsPerSecond, timeoutsPerSecond } = rates
  return (
    <dl class="rates">
      <Rate name="asks a second" value={describeRate(rates.asksPerSecond)} />
      <Rate name="replies a second" value={describeRate(rates.repliesPerSecond)} />
      <Rate name="failed a second" value={describeRate(errorsPerSecond)} isWarning={errorsPerSecond > 0} />
      <Rate name="timeouts a second" value={describeRate(timeoutsPerSecond)} isWarning={timeoutsPerSecond > 0} />
      <Rate name="p50: half took at most" value={timeOf(rates.p50Ms)} />
      <Rate name="p99: 99 of 100 at most" value={timeOf(rates.p99Ms)} />
    </dl>
  )
}

const Rate = ({ name, value, isWarning = false }: { name: string; value: string; isWarning?: boolean }) => (
  <div class={isWarning ? 'warning' : ''}>
    <dt>{name}</dt>
    <dd>{value}</dd>
  </div>
)
