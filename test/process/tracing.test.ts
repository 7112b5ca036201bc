import { connect, remote } from 'caucus'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { openTelemetry } from '../../src/opentelemetry.ts'
import { disable, Recorder, saidBy } from '../unit/opentelemetry/support.ts'
import { endAll, type RunningServer, startNode, startServer } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

let server: RunningServer
beforeEach(async () => {
  server = await startServer(['--fresh', '-t', '4', '-s', '0.1'])
})
afterEach(endAll)

/** A span of another process. */
interface Told {
  readonly name: string
  readonly trace: string
  readonly id: string
  readonly parent: string
  readonly state?: string
}

/** Answers on `search` in a process of its own, and tells of every span that ends there. */
const PRODUCER = `
import { trace } from '@opentelemetry/api'
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node'
import { connect, remote } from 'caucus'
import { openTelemetry } from 'caucus/opentelemetry'

const onEnd = (span) => {
  const { traceId, spanId } = span.spanContext()
  const { parentSpanContext: parent } = span
  console.log(JSON.stringify({
    name: span.name, trace: traceId, id: spanId, parent: parent?.spanId, state: parent?.traceState?.serialize(),
  }))
}
const none = async () => {}
const processor = { onStart() {}, onEnd, forceFlush: none, shutdown: none }
new NodeTracerProvider({ spanProcessors: [processor] }).register()

const [url, id] = process.argv.slice(-2)
const caucus = await connect(remote(url), { tracing: openTelemetry() })
const producer = caucus.topic('search').produce(async (words) => {
  if (words === 'never') return new Promise(() => {})
  trace.getTracer('shard').startSpan('look up').end()
  return words.toUpperCase()
}, { id })
await producer.ready()
console.log('ready')
`

const startProducer = async (id: string) => {
  const running = startNode(['--input-type=module', '-e', PRODUCER, '--', server.url, id])
  const lines = () => running.stdout().split('\n').slice(0, -1)
  await waitFor(`${id} to be ready: ${running.stderr()}`, () => lines().includes('ready'))
  const spans = () =>
    lines()
      .filter((line) => line !== 'ready')
      .map((line) => JSON.parse(line) as Told)
  return { running, spans }
}

test('an ask is one trace across processes, and names the producer whose process was killed', async () => {
  const recorder = new Recorder()
  recorder.provider.register()
  onTestFinished(disable)
  await using caucus = await connect(remote(server.url), {
    tracing: openTelemetry({ tracerProvider: recorder.provider }),
  })
  const [near, far] = await Promise.all([startProducer('near'), startProducer('far')])
  const topic = caucus.topic<string, string>('search')

  const { replies } = await topic.gather('quorum')
  expect(replies.map(({ value }) => value)).toEqual(['QUORUM', 'QUORUM'])
  const ask = recorder.one('ask search')
  const { traceId, spanId } = ask.spanContext()
  for (const { spans } of [near, far]) {
    await waitFor('its spans', () => spans().length === 2)
    const [inner, answer] = spans()
    expect(answer).toMatchObject({ name: 'answer search', trace: traceId, parent: spanId })
    expect(inner).toMatchObject({ name: 'look up', trace: traceId, parent: answer?.id })
  }

  const asked = topic.gather('never')
  await waitFor('both to be at work', async () => {
    const text = await (await fetch(`${server.url}/metrics`)).text()
    return /^caucus_topic_requests 2$/m.test(text)
  })
  far.running.signal('SIGKILL')
  near.running.signal('SIGKILL')
  await asked
  const second = recorder.spans.at(-1)
  expect(second && saidBy(second)).toMatchObject({
    'caucus.ask.ending': 'exhausted',
    'caucus.ask.left': expect.arrayContaining(['near', 'far']),
  })
  const text = await (await fetch(`${server.url}/metrics`)).text()
  expect(text).toMatch(/^caucus_ask_outcomes_total\{outcome="reply"\} 2$/m)
  expect(text).toMatch(/^caucus_ask_outcomes_total\{outcome="left"\} 2$/m)
  expect(text).toMatch(/^caucus_ask_duration_seconds_count\{ending="exhausted"\} 1$/m)
})

test('an ask over HTTP belongs to the trace of whoever sent it', async () => {
  const { spans } = await startProducer('shard')
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
  const parent = '00f067aa0ba902b7'
  const ask = (headers: Readonly<Record<string, string>>) =>
    fetch(`${server.url}/v1/topics/search/requests`, { method: 'POST', body: '"quorum"', headers }).then((answer) =>
      answer.text(),
    )
  await ask({ traceparent: `00-${traceId}-${parent}-01`, tracestate: 'vendor=1' })
  await waitFor('its spans', () => spans().length === 2)
  expect(spans()[1]).toMatchObject({ name: 'answer search', trace: traceId, parent, state: 'vendor=1' })

  // What is no trace context is nobody's, and the request is answered all the same.
  expect(await ask({ traceparent: `00-${'x'.repeat(2_000)}` })).toContain('QUORUM')
  await waitFor('its spans', () => spans().length === 4)
  expect(spans()[3]).toMatchObject({ name: 'answer search' })
  expect(spans()[3]?.parent).toBeUndefined()
})
