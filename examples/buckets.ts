// A fixed number of buckets over fewer nodes: a scheduler that runs on every replica, and each job on one of them.
//
// Every job belongs to one bucket by its name, every bucket to one node. When a node comes or goes, only the buckets that have to
// move do; the jobs of all others do not notice.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Caucus } from 'caucus'

/** Fixed for ever, since it says where a job belongs: take many more than there will be nodes. */
export const BUCKETS = 64

/** Where the times of the jobs are kept: a table, in a real program. */
export interface Timetable {
  /** The jobs that are due, of all buckets. */
  due(): Promise<readonly string[]>
  /**
   * Notes that the job has run, and when it is due next. Must refuse a token lower than the highest it has seen for this job: then
   * nothing that an earlier owner says comes after the word of a later one, whatever its clock did.
   */
  hasRun(job: string, token: number): Promise<void>
}

export interface Scheduler {
  readonly timetable: Timetable
  /** Must not mind running again: a node may be lost after it ran a job and before it said so. */
  run(job: string): Promise<void>
  /** How often to look for jobs that are due. */
  readonly everyMs: number
}

/** Runs due jobs of the buckets of this node until the signal aborts. */
export const runScheduler = async (caucus: Caucus, scheduler: Scheduler, signal: AbortSignal): Promise<void> => {
  const { timetable, everyMs } = scheduler
  const running = new Map<string, Promise<void>>()
  const failures: unknown[] = []

  // Leaving is what `await using` does at the end of this function; it waits for what is running, as below.
  await using membership = await caucus.group('scheduler').join({ share: { partitions: BUCKETS }, signal })
  // What has begun is finished before a bucket moves: its next owner begins after that, or when our lease has run out.
  membership.onRevoke(async (moved) => {
    await Promise.all([...running].filter(([job]) => moved.owns(job)).map(([, run]) => run))
  })

  const run = async (job: string, token: number) => {
    try {
      await scheduler.run(job)
      await timetable.hasRun(job, token)
    } catch (error) {
      failures.push(error)
    } finally {
      running.delete(job)
    }
  }

  while (!signal.aborted && failures.length === 0) {
    for (const job of await timetable.due()) {
      // Asked for each job, right before it begins: it is compared with the clock, and the bucket may be somebody else's by now.
      const token = membership.token(job)
      if (token !== undefined && !running.has(job)) running.set(job, run(job, token))
    }
    // Being called off is how this loop ends.
    await sleep(everyMs, undefined, { signal }).catch(() => {})
  }
  if (failures.length > 0) throw new AggregateError(failures, 'a job failed')
}
