import type { Fault } from './fault.ts'

/**
 * Finds a short part of a schedule that still fails (Zeller and Hildebrandt, ddmin): halves first, then single faults, then shorter ones.
 * `fails` is asked at most `runs` times.
 */
export const shrinkSchedule = async <Done extends Pick<Fault, 'forMs'>>(
  schedule: readonly Done[],
  fails: (candidate: readonly Done[]) => Promise<boolean>,
  runs: number,
): Promise<readonly Done[]> => {
  let left = runs
  let best = schedule
  const attempt = async (candidate: readonly Done[]): Promise<boolean> => {
    if (left <= 0 || !(await run(candidate))) return false
    best = candidate
    return true
  }
  const run = (candidate: readonly Done[]) => {
    left--
    return fails(candidate)
  }
  if (best.length > 0 && (await attempt([]))) return best
  for (let pieces = 2; best.length > 1 && left > 0; ) {
    const size = Math.ceil(best.length / pieces)
    let smaller = false
    for (let from = 0; from < best.length && left > 0; from += size) {
      const without = [...best.slice(0, from), ...best.slice(from + size)]
      if (without.length > 0 && (await attempt(without))) {
        smaller = true
        break
      }
    }
    if (smaller) pieces = Math.max(2, pieces - 1)
    else if (pieces >= best.length) break
    else pieces = Math.min(best.length, pieces * 2)
  }
  return shorten(best, attempt, () => best)
}

/** Faults that last half as long are easier to follow. */
const shorten = async <Done extends Pick<Fault, 'forMs'>>(
  schedule: readonly Done[],
  attempt: (candidate: readonly Done[]) => Promise<boolean>,
  best: () => readonly Done[],
): Promise<readonly Done[]> => {
  for (let place = 0; place < schedule.length; place++) {
    for (;;) {
      const fault = best()[place]
      if (fault?.forMs === undefined || fault.forMs < 2) break
      const shorter = { ...fault, forMs: Math.floor(fault.forMs / 2) }
      if (!(await attempt(best().map((other, at) => (at === place ? shorter : other))))) break
    }
  }
  return best()
}
