import { explain } from '../../../src/core/group/reasons.ts'
import type { RecordedEvent } from '../../../src/ports/hosting.ts'
import { markOf } from '../model/marks.ts'
import { clockOf } from '../model/words.ts'
import { LongList } from '../parts/long-list.tsx'

/** What happened, the newest first. */
export const EventList = ({ events }: { events: readonly RecordedEvent[] }) => {
  if (events.length === 0) return <p>Nothing has happened that is still known.</p>
  const eventAt = (at: number) => events[events.length - 1 - at]
  return (
    <LongList
      label="Events"
      kind="events"
      columns={['Time', 'Event', 'What it means']}
      count={events.length}
      rowHeight={30}
      rowKey={(at) => eventAt(at)?.revision ?? ''}
      row={(at) => {
        const told = eventAt(at)
        if (told === undefined) return []
        const { type } = told.event
        return [
          clockOf(told.atMs),
          <span key="type" class="type">
            <span class={`dot ${markOf(told.event)}`} /> {type}
          </span>,
          sentenceOf(told),
        ]
      }}
    />
  )
}

const sentenceOf = ({ event }: RecordedEvent): string => {
  // A later server may tell of what this page does not know.
  const sentence: string | undefined = explain(event)
  return sentence ?? ''
}
