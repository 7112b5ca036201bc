import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Ending, HubCounters, Summary } from '../../../src/core/dispatch/messages.ts'
import type { CoordinatorHosting } from '../../../src/ports/hosting.ts'
import type { AskObserver, TopicsHosting, TopicsSizes } from '../../../src/ports/topics-hosting.ts'
import { hostCoordinator } from '../../../src/runtime/coordinator-host.ts'
import { Access } from '../../../src/server/access/access.ts'
import { Desk } from '../../../src/server/access/desk.ts'
import { Meter } from '../../../src/server/meter.ts'
import { metricsText, ServerCounts } from '../../../src/server/metrics.ts'
import { DEFAULT_LIMITS } from '../../../src/server/options.ts'
import { memoryStore } from '../../../src/stores/memory-store.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'
import { tableRows } from '../../tidy/documents.ts'
import { root } from '../../tidy/source.ts'
import { SETTINGS } from './harness.ts'

/** A host of topics of which only the numbers are asked for. */
const topicsWith = (counters: HubCounters, sizes: TopicsSizes) => {
  const observers = new Set<AskObserver>()
  const notAsked = () => {
    throw new Error('a page of metrics asks for numbers, and nothing else')
  }
  const topics: TopicsHosting = {
    attach: notAsked,
    cost: notAsked,
    ask: notAsked,
    topic: notAsked,
    topics: notAsked,
    watch: notAsked,
    counters: () => counters,
    sizes: () => sizes,
    observe: (finished) => {
      observers.add(finished)
      return () => void observers.delete(finished)
    },
    close: notAsked,
  }
  const end = (ending: Ending, durationMs: number) => {
    const nobody: readonly string[] = []
    const summary: Summary = {
      ...{ expected: 0, replied: 0, errors: 0, refused: 0, missing: nobody, left: nobody, released: nobody },
      ending,
    }
    for (const observer of observers) observer(summary, durationMs)
  }
  return { topics, end }
}

const COUNTERS = {
  ...{ asks: 9, replies: 5, errors: 4, refused: 3, timedOut: 2, left: 1, released: 6, late: 7, foreign: 8 },
}
const SIZES = { topics: 11, producers: 12, listeners: 13, asks: 2, requests: 14, streams: 15 }

const page = async () => {
  const meter = new Meter()
  const hosting: CoordinatorHosting = await hostCoordinator({
    clock: new SimulatedClock(1_000),
    wallMs: () => 0,
    store: memoryStore({ instanceId: 'server-1' }),
    defaults: SETTINGS,
    fresh: true,
    limits: { groups: 10, membersPerGroup: 10 },
    telemetry: meter,
    onFault: (error) => {
      throw error
    },
  })
  const counts = new ServerCounts()
  const desk = new Desk({
    access: new Access(),
    hosting,
    limits: DEFAULT_LIMITS,
    withCertificates: false,
    write: () => {},
    now: () => 0,
    wallMs: () => 0,
  })
  const { topics, end } = topicsWith(COUNTERS, SIZES)
  const stop = topics.observe(counts.asked)
  const source = { hosting, topics, counts, meter, desk, connections: () => 1 }
  return { hosting, counts, meter, end, stop, text: () => metricsText(source, () => true) }
}

/** `name{labels}` → value, as the text says it. */
const samplesOf = (text: string) =>
  Object.fromEntries(
    [...text.matchAll(/^(\w+(?:\{.*\})?) (\S+)$/gm)].map(([, name = '', value]) => [name, Number(value)]),
  )

test('topics are told in numbers that no name of a topic is part of', async () => {
  const { text } = await page()
  expect(samplesOf(await text())).toMatchObject({
    caucus_topics: 11,
    caucus_topic_producers: 12,
    caucus_topic_listeners: 13,
    caucus_topic_asks: 2,
    caucus_topic_requests: 14,
    caucus_topic_streams: 15,
    caucus_asks_total: 9,
    'caucus_ask_outcomes_total{outcome="reply"}': 5,
    'caucus_ask_outcomes_total{outcome="error"}': 4,
    'caucus_ask_outcomes_total{outcome="refused"}': 3,
    'caucus_ask_outcomes_total{outcome="timeout"}': 2,
    'caucus_ask_outcomes_total{outcome="left"}': 1,
    'caucus_ask_outcomes_total{outcome="released"}': 6,
    caucus_answers_late_total: 7,
    caucus_answers_foreign_total: 8,
    'caucus_events_total{event="ask.sent"}': 9,
    'caucus_events_total{event="ask.answered"}': 12,
    'caucus_events_total{event="ask.finished"}': 7,
  })
})

test('how long asks took is told by how they ended, over every page, until the server has gone', async () => {
  const { text, end, stop } = await page()
  end('met', 3)
  end('met', 40)
  end('timeout', 5_000)
  await text()
  end('met', 60_000)
  stop()
  end('met', 1)
  expect(samplesOf(await text())).toMatchObject({
    'caucus_ask_duration_seconds_bucket{le="0.0025",ending="met"}': 0,
    'caucus_ask_duration_seconds_bucket{le="0.005",ending="met"}': 1,
    'caucus_ask_duration_seconds_bucket{le="30",ending="met"}': 2,
    'caucus_ask_duration_seconds_bucket{le="+Inf",ending="met"}': 3,
    'caucus_ask_duration_seconds_count{ending="met"}': 3,
    'caucus_ask_duration_seconds_sum{ending="met"}': 60.043,
    'caucus_ask_duration_seconds_bucket{le="5",ending="timeout"}': 1,
    'caucus_ask_duration_seconds_count{ending="timeout"}': 1,
  })
})

test('every metric is in docs/metrics.md with its kind and its labels, and nothing else is', async () => {
  const { hosting, counts, meter, end, text } = await page()
  // What is told of once there is something to tell.
  counts.error('CAUCUS_TOO_LARGE')
  meter.count('inbox_dropped', 1, { cause: 'overload' })
  end('met', 1)
  const nothing = { holding: [], draining: [], acknowledged: [] }
  await hosting.call({ type: 'renew', group: 'g', member: 'm', bootId: 'b', sequence: 1, order: 0, ...nothing })
  const said = await text()
  const kinds = new Map([...said.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name = '', kind = '']) => [name, kind]))
  const now = [...kinds].map(([name, kind]) => {
    const labels = new RegExp(`^${name}(?:_bucket)?\\{(.*)\\}`, 'm').exec(said)?.[1] ?? ''
    const names = [...labels.matchAll(/(\w+)="/g)].map(([, label]) => label).filter((label) => label !== 'le')
    return `${name}${names.length === 0 ? '' : `{${names.join()}}`} ${kind}`
  })
  const document = readFileSync(join(root, 'docs/metrics.md'), 'utf8')
  expect(tableRows(document).size).toBeGreaterThan(40)
  // Those of peers are held against a real cluster, where alerts are.
  const ofServers = document.replace(/^## A cluster of peers$[\s\S]*?(?=^## )/m, '')
  const documented = [...ofServers.matchAll(/^\| (`caucus_.*?`) \| (\w+) \|/gm)].flatMap(([, names = '', kind]) =>
    [...names.matchAll(/`(.*?)`/g)].map(([, name]) => `${name} ${kind}`),
  )
  expect(documented.sort()).toEqual(now.sort())
})
