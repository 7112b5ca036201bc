import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { built } from '../../sim/built.ts'
import { tracedWorld } from './support.ts'

const folder = mkdtempSync(join(tmpdir(), 'caucus-tracing-'))
// Node loads what a thread begins with, as it was built.
beforeAll(() => void built(), 300_000)
afterAll(() => rmSync(folder, { recursive: true }))

test('a handler in a thread has the context of its span as text', async () => {
  const file = join(folder, 'handler.mjs')
  writeFileSync(file, 'export default (request, { trace }) => ({ request, trace })')
  const { recorder, traced } = tracedWorld()
  const caucus = await traced()
  const topic = caucus.topic('prices')
  const producer = topic.produce(pathToFileURL(file), { id: 'thread' })
  await producer.ready()
  const { replies } = await topic.gather('milk')
  const { traceId, spanId } = recorder.one('answer prices').spanContext()
  expect(replies.map(({ value }) => value)).toEqual([
    { request: 'milk', trace: { traceparent: `00-${traceId}-${spanId}-01` } },
  ])
  expect(recorder.tree()).toEqual(['ask prices', 'ask prices > answer prices by thread'])
  await producer.drain()
})
