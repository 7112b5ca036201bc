import { type Caucus, connect, embedded, isCaucusError, type Membership, type Share } from 'caucus'
import { onTestFinished } from 'vitest'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'

/** A cluster in one process whose time moves only when a test says so. Closed with its test, which must leave no timer. */
export const world = (options: Omit<NonNullable<Parameters<typeof embedded>[0]>, 'clocks'> = {}) => {
  const clock = new SimulatedClock(1_000)
  const backend = embedded({ ...options, clocks: clock })
  const open: Caucus[] = []
  onTestFinished(async () => {
    await within(10_000, Promise.all(open.map((caucus) => caucus.close())))
    if (clock.pending > 0) throw new Error(`${clock.pending} timers were left behind`)
  })

  /** Lets time go by until `promise` is settled, as a loop that is never stopped would. */
  const within = async <T>(ms: number, promise: Promise<T>): Promise<T> => {
    let done = false
    const finish = () => {
      done = true
    }
    promise.then(finish, finish)
    await clock.play(0)
    for (let waited = 0; waited < ms && !done; waited += 10) await clock.play(10)
    if (!done) throw new Error(`nothing came of it within ${ms} ms of simulated time`)
    return promise
  }

  return {
    clock,
    backend,
    within,
    connect: async () => {
      const caucus = await connect(backend)
      open.push(caucus)
      return caucus
    },
    /** The first share that is like this, within five simulated seconds. */
    seen: (membership: Membership | undefined, matches: (share: Share) => boolean): Promise<Share> => {
      const find = async () => {
        for await (const share of membership?.watch() ?? []) if (matches(share)) return share
        throw new Error('the membership ended first')
      }
      return within(5_000, find())
    },
  }
}

export const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'resolved',
    (error: unknown) => (isCaucusError(error) ? error.code : error),
  )
