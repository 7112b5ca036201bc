import { connect } from 'caucus'
import { expect, test } from 'vitest'
import type { AskTrace, Tracing } from '../../../src/ports/tracing.ts'
import { uncaught } from '../uncaught.ts'
import { settled } from './topic-support.ts'
import { world } from './world.ts'

const fails = (): never => {
  throw new Error('the exporter is broken')
}
const broken: AskTrace = { carried: undefined, answered: fails, finished: fails, failed: fails, abandoned: fails }
const tracing: Tracing = {
  beginAsk: () => broken,
  serve: (_request, run) => run(undefined),
  beginView: fails,
  beginCampaign: fails,
  beginRun: fails,
  beginPeer: fails,
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

test('also when it throws before it has begun', async () => {
  const errors = uncaught()
  const { backend, within } = world()
  const caucus = await connect(backend, { tracing: { ...tracing, beginAsk: fails } })
  const topic = caucus.topic('t')
  topic.produce(() => 1, { id: 'a' })
  expect((await topic.gather(null)).replies).toHaveLength(1)
  expect(errors.map(String)).toEqual(['Error: the exporter is broken'])
  await within(1_000, caucus.close())
})

test('nor does it break groups, elections and runs', async () => {
  const errors = uncaught()
  const { backend, within } = world({ wallMs: () => 1_000 })
  const caucus = await connect(backend, { tracing })
  const member = await within(2_000, caucus.group('g').join({ share: { partitions: 2 } }))
  await within(2_000, member.settled())
  expect(member.partitions).toEqual([0, 1])
  expect(
    await within(
      2_000,
      caucus.election('e').lead(({ held }) => held),
    ),
  ).toBe(true)
  expect(
    await within(
      2_000,
      caucus.once('o', 1_000, () => 7),
    ),
  ).toEqual({ ran: true, value: 7 })
  await within(2_000, caucus.close())
  expect(new Set(errors.map(String))).toEqual(new Set(['Error: the exporter is broken']))
})
