import { connect } from 'caucus'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { AskTrace, Tracing } from '../../../src/ports/tracing.ts'
import { settled } from './topic-support.ts'
import { world } from './world.ts'

const fails = (): never => {
  throw new Error('the exporter is broken')
}
const broken: AskTrace = { carried: undefined, answered: fails, finished: fails, failed: fails, abandoned: fails }
const tracing: Tracing = { beginAsk: () => broken, serve: (_request, run) => run(undefined) }

/** What reaches the process as an uncaught error. */
const uncaught = () => {
  const errors: unknown[] = []
  const spy = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation((run) => {
    void Promise.resolve()
      .then(run)
      .catch((error: unknown) => errors.push(error))
  })
  onTestFinished(() => spy.mockRestore())
  return errors
}

test('tracing that throws is heard of, and breaks neither the ask nor the topics of the process', async () => {
  const errors = uncaught()
  const { backend, within } = world()
  const caucus = await connect(backend, { tracing })
  const topic = caucus.topic('t')
  let signal: AbortSignal | undefined
  topic.produce(() => 1, { id: 'a' })
  topic.produce(
    (isSlow, context) => {
      signal = context.signal
      return isSlow ? new Promise((_resolve, reject) => signal?.addEventListener('abort', reject)) : 2
    },
    { id: 'b' },
  )
  expect((await topic.gather(false)).replies).toHaveLength(2)
  for await (const { from } of topic.ask(true)) {
    expect(from).toBe('a')
    break
  }
  await settled()
  // Who calls it off is not kept from it.
  expect(signal?.aborted).toBe(true)
  // Two answers and the end, one answer and its being called off.
  expect(errors.map(String)).toEqual(Array.from({ length: 5 }, () => 'Error: the exporter is broken'))
  await within(1_000, caucus.close())
})
