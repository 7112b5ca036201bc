import type { GroupView } from '../core/group/view.ts'
import type { Epoch } from '../core/lease.ts'
import { isCaucusError } from '../errors.ts'
import type { Backend, Present } from '../ports/backend.ts'
import type { RecordedEvent } from '../ports/hosting.ts'
import { sleep } from '../runtime/wait.ts'

/** Who leads an election, as its coordinator sees it. */
export interface Leader {
  readonly id: string
  readonly token: Epoch
  readonly metadata: unknown
}

export const leaderOf = (view: GroupView | undefined): Leader | undefined => {
  const leader = view?.members.find(({ leads }) => leads === true)
  return leader && { id: leader.id, token: leader.epoch, metadata: leader.metadata }
}

/** A revision of before all that is kept: whoever goes on from there is told at once that something was forgotten. */
const LONG_AGO = '1-0'
const PAUSE_MS = 500

/** The present leader, then the newest each time the loop comes back. */
export async function* observed(
  backend: Backend,
  group: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Leader | undefined, undefined> {
  let now = await backend.present(group, { signal })
  let shown = leaderOf(now.view)
  yield shown
  for await (const told of backend.events({ group, after: now.revision ?? LONG_AGO, signal })) {
    if (!isNews(told, now)) continue
    now = await lookAgain(backend, group, signal)
    const leader = leaderOf(now.view)
    if (leader?.id === shown?.id && leader?.token === shown?.token) continue
    shown = leader
    yield shown
  }
  return undefined
}

/** What has happened since the last look, and may have changed who leads. */
const isNews = (told: RecordedEvent | { readonly type: 'gap' }, { revision }: Present): boolean => {
  if (!('revision' in told)) return true
  const [generation = 0, number = 0] = told.revision.split('-').map(Number)
  const [seenIn = 0, seen = 0] = (revision ?? LONG_AGO).split('-').map(Number)
  if (generation < seenIn || (generation === seenIn && number <= seen)) return false
  const { type } = told.event
  return type.startsWith('tenure.') || type.startsWith('member.') || type === 'group.settled'
}

/** Whoever watches has waited for this: a server that does not answer for a while is asked again. */
const lookAgain = async (backend: Backend, group: string, signal: AbortSignal | undefined): Promise<Present> => {
  for (;;) {
    try {
      return await backend.present(group, { signal })
    } catch (error) {
      signal?.throwIfAborted()
      if (!isCaucusError(error) || !error.retriable) throw error
    }
    await sleep(backend.clocks.grantor, PAUSE_MS, { ...(signal !== undefined && { signal }), ref: false })
  }
}
