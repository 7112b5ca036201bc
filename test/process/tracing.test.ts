import { connect, peer, remote } from 'caucus'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { openTelemetry } from '../../src/opentelemetry.ts'
import { disable, Recorder, saidBy } from '../unit/opentelemetry/support.ts'
import { freePort, TIMING } from './support/peers.ts'
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
import { connect, peer, remote } from 'caucus'
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

/** Takes part in `jobs` and campaigns for `scheduler` in a process of its own, and tells of every span that ends there. */
const MEMBER = `
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node'
import { connect, peer, remote } from 'caucus'
import { openTelemetry } from 'caucus/opentelemetry'

const onEnd = (span) => {
  const { name, attributes, events } = span
  console.log(JSON.stringify({ name, attributes, events: events.map(({ name }) => name) }))
}
const none = async () => {}
const processor = { onStart() {}, onEnd, forceFlush: none, shutdown: none }
const tracerProvider = new NodeTracerProvider({ spanProcessors: [processor] })

const [url, id] = process.argv.slice(-2)
const caucus = await connect(remote(url), { tracing: openTelemetry({ tracerProvider }) })
const membership = await caucus.group('jobs').join({ id, share: { partitions: 8 } })
await membership.settled()
await caucus.election('scheduler').campaign({ id })
console.log('ready')
`

test('a hand-over is the same view in both processes, and a leader that was killed is followed by a higher token', async () => {
  const recorder = new Recorder()
  await using caucus = await connect(remote(server.url), {
    tracing: openTelemetry({ tracerProvider: recorder.provider }),
  })
  const far = startNode(['--input-type=module', '-e', MEMBER, '--', server.url, 'far'])
  const told = () =>
    far
      .stdout()
      .split('\n')
      .slice(0, -1)
      .filter((line) => line !== 'ready')
      .map((line) => JSON.parse(line) as Pick<Told, 'name'> & { attributes: Record<string, unknown>; events: string[] })
  await waitFor(`the other process to lead: ${far.stderr()}`, () => far.stdout().includes('ready'))

  const near = await caucus.group('jobs').join({ id: 'near', share: { partitions: 8 } })
  await near.settled()
  const views = () => told().filter(({ name }) => name === 'view jobs')
  await waitFor('both halves of the hand-over', () => views().length === 2)
  const [first] = recorder.all('view jobs')
  const [, theirs] = views()
  expect(first && saidBy(first)).toMatchObject({ 'caucus.view.members': 2, 'caucus.partitions.count': 4 })
  expect(theirs?.events).toEqual(['share.revoked', 'share.released'])
  expect(theirs?.attributes['caucus.view.epoch']).toBe(first?.attributes['caucus.view.epoch'])

  const campaign = caucus.election('scheduler').campaign({ id: 'near' })
  far.signal('SIGKILL')
  const tenure = await campaign
  const campaigned = recorder.one('campaign scheduler')
  expect(saidBy(campaigned)).toMatchObject({ 'caucus.campaign.ending': 'elected', 'caucus.token': tenure.token })
  const before = told().find(({ name }) => name === 'campaign scheduler')
  expect(tenure.token).toBeGreaterThan(Number(before?.attributes['caucus.token']))
  await waitFor('all partitions to be here', () => near.partitions.length === 8)
  await waitFor('the view after the kill', () => recorder.all('view jobs').length >= 2)
  expect(recorder.all('view jobs').flatMap(({ events }) => events.map(({ name }) => name))).toContain('share.granted')
  await tenure.resign()
  expect(saidBy(recorder.one('tenure scheduler'))).toMatchObject({ 'caucus.tenure.ending': 'resigned' })
})

test('voters tell of each time without a leader, and whoever leads of its reign', async () => {
  const recorder = new Recorder()
  const tracing = openTelemetry({ tracerProvider: recorder.provider })
  const ids = ['a', 'b', 'c']
  const ports = await Promise.all(ids.map(() => freePort()))
  const all = ids.map((identifier, index) => ({ identifier, host: '127.0.0.1', port: ports[index] ?? 0 }))
  const clusters = await Promise.all(
    all.map(({ identifier, port: listen_port }) => {
      const peers = all.filter((other) => other.identifier !== identifier)
      return peer({ identifier, listen_port, peers, cluster: 'shop', timing: TIMING }, { tracing })
    }),
  )
  const types = new Set<string>()
  const reading = clusters.map(async (cluster) => {
    for await (const { type } of cluster.events()) types.add(type)
  })
  onTestFinished(async () => {
    await Promise.all(clusters.map((cluster) => cluster.close()))
    await Promise.all(reading)
  })
  const elections = () => recorder.all('election shop')
  await waitFor('all to know who leads', () => elections().length === 3 && clusters.some(({ isLeader }) => isLeader))
  const first = clusters.find(({ isLeader }) => isLeader)
  const leader = first?.leader
  await waitFor('its reign', () => types.has('reign.started'))
  for (const each of elections()) {
    expect(saidBy(each)).toMatchObject({
      'caucus.cluster': 'shop',
      'caucus.leader.id': leader?.identifier,
      'caucus.term': leader?.term,
      'caucus.token': leader?.token,
    })
  }
  expect(elections().map((each) => each.attributes['caucus.peer.id'])).toEqual(expect.arrayContaining(ids))
  expect(elections().flatMap(({ events }) => events.map(({ name }) => name))).toContain('election.started')

  await first?.close()
  await waitFor('the others to know the next', () => elections().length >= 5)
  const later = elections().filter(({ attributes }) => attributes['caucus.leader.id'] !== leader?.identifier)
  expect(later).toHaveLength(2)
  expect(later.every(({ events }) => events.some(({ name }) => name === 'leader.lost'))).toBe(true)
  const [reign] = recorder.all('reign shop', { 'caucus.peer.id': leader?.identifier })
  expect(reign && saidBy(reign)).toMatchObject({
    'caucus.term': leader?.term,
    'caucus.generation': expect.any(Number),
    'caucus.reign.ending': 'handedOver',
  })
  await expect(peer({ identifier: 'd', listen_port: 0 }, { trace: tracing } as object)).rejects.toMatchObject({
    code: expect.stringMatching(/INVALID/),
  })
})
