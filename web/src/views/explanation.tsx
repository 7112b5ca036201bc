import { useEffect, useState } from 'preact/hooks'
import { explainWhy, type Subject, type Explanation as Told } from '../../../src/core/group/explain.ts'
import { get, path } from '../api.ts'
import type { History } from '../feed.ts'
import { clockOf } from '../model/words.ts'
import { asApiError } from '../server.ts'

export type Question = Subject

interface ExplanationProps {
  readonly group: string
  readonly question: Question
  readonly title: string
  readonly isPast: boolean
  readonly close: () => void
}

/** One sentence, from the group and its past of one moment, and the events behind it. */
export const Explanation = ({ group, question, title, isPast, close }: ExplanationProps) => {
  const [told, setTold] = useState<Told>()
  const [fault, setFault] = useState('')
  useEffect(() => {
    const ended = new AbortController()
    const ask = async () => {
      try {
        const asked = `${path`/v1/groups/${group}/history`}?limit=10000&view=true`
        const history = await get<History>(asked, ended.signal)
        setTold(explainWhy(history.view, history, question))
      } catch (error) {
        if (!ended.signal.aborted) setFault(asApiError(error).message)
      }
    }
    void ask()
    return () => ended.abort()
  }, [group])
  return (
    <section class="card explanation" aria-live="polite">
      <h2>{title}</h2>
      {told === undefined && fault === '' && <p aria-busy="true">Following the causes…</p>}
      {fault !== '' && <p class="fault">{fault}</p>}
      {told !== undefined && (
        <>
          <p class="sentence">{told.sentence}</p>
          {told.events.length > 0 && (
            <ol>
              {told.events.slice(-12).map(({ revision, atMs, event }) => (
                <li key={revision}>
                  {clockOf(atMs)} {event.type}
                  {'member' in event && ` ${event.member}`}
                </li>
              ))}
            </ol>
          )}
          {isPast && <p class="quiet">This is about now, not about the moment that the slider shows.</p>}
        </>
      )}
      <button type="button" onClick={close}>
        Close the explanation
      </button>
    </section>
  )
}
