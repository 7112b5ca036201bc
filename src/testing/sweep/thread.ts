// What a thread of a sweep runs. Started by sweep-thread.ts.
import { performance } from 'node:perf_hooks'
import { parentPort, workerData } from 'node:worker_threads'
import { CoverageProbe } from './coverage-probe.ts'
import { type Level, SCOPES } from './level.ts'
import { loadLevel } from './load-level.ts'
import type { Answer, Question, RunQuestion, ThreadData } from './sweep-thread.ts'
import { addOutcome, emptyTally, type Tally } from './tally.ts'

const { level: name, profile, covered, at }: ThreadData = workerData
const tell = (answer: Answer): void => parentPort?.postMessage(answer)

const probe = covered ? new CoverageProbe(new URL('../../', import.meta.url), SCOPES[name].covers) : undefined
const level: Level = await loadLevel(name)

/** Runs seeds one after the other. */
const run = async ({ from, seeds, first, twiceEvery, stopAt = [] }: RunQuestion): Promise<Tally> => {
  const tally = emptyTally()
  const began = performance.now()
  for (let seed = from; seed < from + seeds; seed++) {
    at[0] = seed
    const outcome = await level.run(seed, profile)
    addOutcome(tally, outcome)
    if (twiceEvery > 0 && (seed - first + 1) % twiceEvery === 0) {
      const again = await level.run(seed, profile)
      tally.events += again.events
      if (again.hash !== outcome.hash) tally.unrepeatable.push(seed)
    }
    if (outcome.violations.some(({ invariant }) => stopAt.includes(invariant))) break
  }
  if (probe !== undefined) {
    tally.coveredSeeds = tally.seeds
    tally.coverage = probe.take()
  }
  tally.busyMs = performance.now() - began
  return tally
}

const answer = async (question: Question): Promise<Answer> =>
  question.type === 'run'
    ? { type: 'tally', tally: await run(question) }
    : { type: 'text', text: await level.explain(question.violation, profile) }

parentPort?.on('message', (question: Question) => {
  // What is thrown here is a fault of the simulator, and ends this thread with everything that it may have left behind.
  answer(question).then(tell, (error: unknown) =>
    setImmediate(() => {
      throw error
    }),
  )
})
