import { isCaucusError } from '../../errors.ts'
import type { Bench } from '../cluster/bench.ts'
import type { Handlers, ProgramContext } from '../cluster/program.ts'
import { residents } from '../cluster/residents.ts'
import { drawTopics } from '../cluster/topic-plans.ts'

/** A second group, of indexes. */
export const ROWS = 'rows'

export interface Programs {
  /** Nothing is done that may move anything. */
  readonly calm: boolean
  /** What members do besides belonging to one group. */
  readonly also: { readonly indexes: boolean; readonly election: boolean; readonly topics: boolean }
}

/** What members run: what they run with a single server, and beside it a second group, of indexes, and an election. */
export const peersPrograms = (bench: Bench, { calm, also }: Programs): Handlers => {
  const usual = residents(bench, calm, also.topics ? drawTopics(bench) : undefined)
  return (context) => {
    const { run, onRevoke } = usual(context) ?? {}
    return {
      onRevoke,
      run: () => Promise.all([run?.(), also.indexes && rows(context), also.election && campaigns(context, bench)]),
    }
  }
}

/** Another group on the same connection, for as long as the program runs. */
const rows = async ({ caucus, clock, id, signal }: ProgramContext): Promise<void> => {
  try {
    const membership = await caucus.group(ROWS).join({ id, share: 'index', signal })
    for await (const _share of membership.watch()) await clock.sleep(0, { signal })
  } catch (error) {
    if (!signal.aborted && !isCaucusError(error)) throw error
  }
}

/** Leads for a while, again and again, and writes to one place meanwhile. */
const campaigns = async (context: ProgramContext, bench: Bench): Promise<void> => {
  const { caucus, clock, id, signal, random } = context
  const { leaseMs, stopMarginMs } = bench.conditions.timing
  while (!signal.aborted) {
    try {
      await caucus.election('chief').lead(
        async (tenure) => {
          const endMs = clock.nowMs() + leaseMs * (0.5 + 3 * random())
          while (!tenure.signal.aborted && tenure.held && clock.nowMs() < endMs) {
            void context.store.write('what the chief says', id, tenure.token)
            await clock.sleep(stopMarginMs * (0.5 + random()), { signal: tenure.signal }).catch(() => undefined)
          }
        },
        { id, signal, again: random() < 0.5 },
      )
    } catch (error) {
      // Lost, or called off: it campaigns again.
      if (!signal.aborted && !isCaucusError(error)) throw error
      // Two of one id that campaign for ever would fence each other for ever.
      if (isCaucusError(error) && (error.code === 'CAUCUS_CLOSED' || error.code === 'CAUCUS_FENCED')) return
    }
    await clock.sleep(leaseMs * random() * 0.2, { signal }).catch(() => undefined)
  }
}
