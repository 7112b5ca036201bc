import type { Bench } from '../cluster/bench.ts'
import type { Handlers } from '../cluster/program.ts'
import { peersPrograms } from '../peers/programs.ts'
import { type EtcdConditions, PURE } from './conditions.ts'

/** What members run: as on peers, without topics. Where things go wrong together, half of the processes let nothing go before they must. */
export const etcdPrograms = (bench: Bench, { profile, also }: EtcdConditions): Handlers => {
  const usual = peersPrograms(bench, { calm: PURE.has(profile), also })
  if (profile !== 'misfortunes') return usual
  const random = bench.random.fork('stubborn')
  return (context) => {
    const program = usual(context) ?? {}
    return random.next() < 0.5 ? { ...program, onRevoke: (_moved, { signal }) => untilAborted(signal) } : program
  }
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resume) => {
    if (signal.aborted) resume()
    else signal.addEventListener('abort', () => resume(), { once: true })
  })
