// A handler that takes too long, found before it hurts anybody.
//
// Whoever loses a partition first writes out what it has gathered for it, which takes 20 s. That is fine as long as the coordinator hears
// from it: the next owner waits. But when the network splits meanwhile, the lease runs out, and the next owner begins. `slow` does not
// notice; `careful` listens to the signal of its drain, and has stopped by then.
import { type Handlers, type ProgramContext, type SimulationResult, simulate } from 'caucus/testing'

const WRITING_OUT_MS = 20_000

/** How a process writes out one partition that it is losing. */
type WriteOut = (context: ProgramContext, partition: number, signal: AbortSignal) => Promise<void>

/** Goes on whatever happens, since nobody tells it otherwise. */
const slowly: WriteOut = async ({ clock }) => {
  await clock.sleep(WRITING_OUT_MS)
}

/** The same, except that it stops when the lease of what is moving has run out: the rest is the next owner's. */
const carefully: WriteOut = async ({ clock, log }, partition, signal) => {
  try {
    await clock.sleep(WRITING_OUT_MS, { signal })
  } catch (error) {
    if (!signal.aborted) throw error
    log(`gave up on partition ${partition}`)
  }
}

/** The program: everything in it but `clock` and `work` is as it would be in production. */
const program =
  (writeOut: WriteOut): Handlers =>
  (context) => {
    const { membership, clock, work, signal } = context
    return {
      run: async () => {
        while (!signal.aborted) {
          for (const partition of membership.partitions) {
            const epoch = membership.epoch(partition)
            // Asked before each piece of work: it is compared with the clock.
            if (epoch === undefined) continue
            const claim = work(partition, epoch)
            await clock.sleep(10)
            claim.end()
          }
          // Being told to stop is how this loop ends.
          await clock.sleep(200, { signal }).catch(() => undefined)
        }
      },
      onRevoke: async (moved, { signal }) => {
        const writing = moved.partitions.map(async (partition) => {
          const claim = work(partition, moved.epoch(partition))
          await writeOut(context, partition, signal)
          claim.end()
        })
        await Promise.all(writing)
      },
    }
  }

export const slow = program(slowly)
export const careful = program(carefully)

/** One run: three members, new ones that join, and a network that splits now and then. All of it follows from the seed. */
export const trial = (seed: number, handlers: Handlers): Promise<SimulationResult> =>
  simulate({
    seed,
    handlers,
    members: 3,
    group: 'jobs',
    share: { partitions: 6 },
    // A drain may take up to a minute: 20 s are well within it.
    timing: { drainLimitMs: 60_000 },
    faults: ['join', 'partition'],
  })

/** Tries seeds until one of them breaks something, and says what, and how little it takes. */
export const search = async (handlers: Handlers, seeds: number): Promise<string> => {
  for (let seed = 1; seed <= seeds; seed++) {
    const result = await trial(seed, handlers)
    if (!result.ok) return result.explain()
  }
  return `${seeds} seeds: nothing was found broken`
}
