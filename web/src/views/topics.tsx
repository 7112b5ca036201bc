import type { TopicView } from '../../../src/core/dispatch/messages.ts'
import { path } from '../api.ts'
import { hashOfRoute } from '../model/route.ts'
import { shortJson } from '../model/words.ts'
import { LongList } from '../parts/long-list.tsx'
import { useAnswer } from './use-answer.ts'

export const TopicsPage = ({ name }: { name: string | undefined }) =>
  name === undefined ? <Topics /> : <Topic key={name} name={name} />

const Topics = () => {
  const { value, fault } = useAnswer<{ topics: readonly TopicView[] }>('/v1/topics')
  const topics = value?.topics ?? []
  return (
    <>
      <h1>Topics</h1>
      <p class="fault">{fault}</p>
      {value !== undefined && topics.length === 0 && <p>Nobody answers or listens on a topic.</p>}
      {topics.length > 0 && (
        <LongList
          label="Topics"
          kind="plain"
          columns={['Topic', 'Producers', 'Queued', 'Listeners', 'Late answers']}
          count={topics.length}
          rowHeight={34}
          rowKey={(at) => topics[at]?.topic ?? ''}
          row={(at) => {
            const view = topics[at]
            if (view === undefined) return []
            const { topic, producers, listeners, late } = view
            return [
              <a key="name" href={hashOfRoute({ page: 'topics', name: topic })}>
                {topic}
              </a>,
              producers.length,
              producers.reduce((sum, { queued }) => sum + queued, 0),
              listeners,
              late,
            ]
          }}
        />
      )}
    </>
  )
}

const Topic = ({ name }: { name: string }) => {
  const { value, fault } = useAnswer<TopicView>(path`/v1/topics/${name}`)
  const producers = value?.producers ?? []
  return (
    <>
      <h1>{name}</h1>
      <p class="fault">{fault}</p>
      <LongList
        label="Producers"
        kind="plain"
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
    </>
  )
}
