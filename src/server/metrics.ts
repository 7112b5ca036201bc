import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { ErrorCode } from '../errors.ts'
import type { CoordinatorHosting } from '../ports/hosting.ts'
import type { PeersHosting } from '../ports/peers.ts'
import type { AskObserver, TopicsHosting } from '../ports/topics-hosting.ts'
import type { Desk } from './access/desk.ts'
import type { Meter, Reading } from './meter.ts'

/** In seconds: from an answer of the next machine to the longest limits that are in use. */
const ASK_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** What a server counts by itself. Plain numbers: a heartbeat costs one addition. */
export class ServerCounts {
  polls = 0
  renewals = 0
  links = 0
  olderLinks = 0
  linksCut = 0
  linksFlooding = 0
  /** Closed without a word, since even those who are told so were too many. */
  connectionsDropped = 0
  /** Nothing was read by the other end for too long. */
  connectionsCut = 0
  framesRefused = 0
  /** Bodies and frames that ended because too much was arriving. */
  arrivalsRefused = 0
  framesDropped = 0
  streams = 0
  streamsCut = 0
  twins = 0
  /** Passed on to the peer that leads, those included that it refused. */
  forwardedRequests = 0
  /** Open links of those. */
  forwardedLinks = 0
  /** Requests that another peer is to answer, those included that wait until one leads. */
  forwardsHeld = 0
  /** Requests and links that were answered here since nobody could. */
  forwardsRefused = 0
  readonly errors = new Map<ErrorCode, number>()
  readonly askDurations = new Histogram({
    name: 'caucus_ask_duration_seconds',
    help: 'How long asks took, by how they ended',
    labelNames: ['ending'],
    buckets: ASK_BUCKETS,
    registers: [],
  })

  /** For `topics.observe()`. */
  readonly asked: AskObserver = ({ ending }, durationMs) => this.askDurations.observe({ ending }, durationMs / 1_000)

  error(code: ErrorCode): void {
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1)
  }
}

export interface MetricsSource {
  readonly hosting: CoordinatorHosting
  readonly topics: TopicsHosting
  /** Of a voter: what is asked of its groups and topics, somebody else may know. */
  readonly peers?: PeersHosting | undefined
  readonly counts: ServerCounts
  readonly meter: Meter | undefined
  readonly desk: Desk
  readonly connections: () => number
}

/** Numbers of the coordinator that go up and down; all others only rise. */
const LEVELS = new Set(['links', 'generation'])

/** The text of `/metrics`. Every number is read when it is asked for, and none is about a single member. */
export const metricsText = (source: MetricsSource, reads: (group: string) => boolean): Promise<string> => {
  const { hosting, topics, peers, counts, meter, desk } = source
  const isHere = peers === undefined || peers.seat().type === 'here'
  const page = new Page()
  page.level('caucus_connections', 'Open connections', source.connections())
  page.level('caucus_links', 'Open links of members', counts.links)
  page.level('caucus_links_older', 'Of these, links that speak an older protocol than this server', counts.olderLinks)
  page.level('caucus_streams', 'Readers of events, and asks over HTTP', counts.streams)
  page.level('caucus_process_resident_bytes', 'Memory of this process', process.memoryUsage.rss())
  page.total(
    'caucus_event_loop_active_seconds_total',
    'How long the event loop was at work and not waiting',
    performance.eventLoopUtilization().active / 1_000,
  )
  page.total('caucus_polls_total', 'Heartbeats on the wire of bloc', counts.polls)
  page.total('caucus_renewals_total', 'Renewals over HTTP', counts.renewals)
  page.total('caucus_links_cut_total', 'Links cut because nobody read or answered', counts.linksCut)
  page.total('caucus_links_flooding_total', 'Links closed because of too many pings and pongs', counts.linksFlooding)
  page.total(
    'caucus_connections_dropped_total',
    'Connections closed unheard, beyond the limits',
    counts.connectionsDropped,
  )
  page.total('caucus_connections_cut_total', 'Connections cut because nobody read', counts.connectionsCut)
  page.total(
    'caucus_arrivals_refused_total',
    'Bodies and frames ended since too much was arriving',
    counts.arrivalsRefused,
  )
  page.total('caucus_frames_refused_total', 'Frames that were not sound', counts.framesRefused)
  page.total('caucus_frames_dropped_total', 'Frames dropped because of overload', counts.framesDropped)
  page.total('caucus_streams_cut_total', 'Readers of events cut because they did not read', counts.streamsCut)
  page.total('caucus_twins_total', 'Session ids seen with two live clients', counts.twins)
  page.access(desk)
  if (peers !== undefined) page.peers(peers, desk, counts)
  if (isHere) page.topics(topics, counts.askDurations)
  for (const [code, value] of counts.errors) page.total('caucus_errors_total', 'Refused requests', value, { code })
  for (const [name, value] of Object.entries(isHere ? hosting.counters() : {})) {
    if (LEVELS.has(name)) page.level(`caucus_coordinator_${name}`, 'Of the coordinator', value)
    else page.total(`caucus_coordinator_${name}_total`, 'Of the coordinator', value)
  }
  for (const { name, state, total } of isHere ? hosting.brief().groups : []) {
    if (!reads(name)) continue
    page.level('caucus_members', 'Live members of a group', total, { group: name })
    page.level('caucus_settled', '1 while a group is settled', state === 'settled' ? 1 : 0, { group: name })
  }
  for (const [event, value] of meter?.events ?? []) page.total('caucus_events_total', 'Events', value, { event })
  const mayShow = ({ labels: { group } }: Reading) => group === undefined || reads(group)
  for (const reading of meter?.totals ?? []) if (mayShow(reading)) page.reading(reading, 'total')
  for (const reading of meter?.levels ?? []) if (mayShow(reading)) page.reading(reading, 'level')
  return page.text()
}

/** One answer: a registry of its own, so that servers in one process share nothing. */
class Page {
  readonly #registry = new Registry()
  readonly #totals = new Map<string, Counter>()
  readonly #levels = new Map<string, Gauge>()

  total(name: string, help: string, value: number, labels: Readonly<Record<string, string>> = {}): void {
    const given = { name, help, labelNames: Object.keys(labels), registers: [this.#registry] }
    const counter = this.#totals.get(name) ?? new Counter(given)
    this.#totals.set(name, counter)
    counter.inc(labels, value)
  }

  level(name: string, help: string, value: number, labels: Readonly<Record<string, string>> = {}): void {
    const given = { name, help, labelNames: Object.keys(labels), registers: [this.#registry] }
    const gauge = this.#levels.get(name) ?? new Gauge(given)
    this.#levels.set(name, gauge)
    gauge.set(labels, value)
  }

  peers(peers: PeersHosting, desk: Desk, counts: ServerCounts): void {
    const { identifier, term } = peers.view()
    this.level('caucus_leads', '1 while this peer leads', peers.leader()?.identifier === identifier ? 1 : 0)
    this.level('caucus_serves', '1 while this peer serves groups and topics', peers.seat().type === 'here' ? 1 : 0)
    this.level('caucus_term', 'The term of this voter', term)
    this.total('caucus_forwarded_requests_total', 'Requests passed on to the peer that leads', counts.forwardedRequests)
    this.level('caucus_forwarded_links', 'Open links passed on to the peer that leads', counts.forwardedLinks)
    this.level(
      'caucus_forwards_held',
      'Requests that another peer is to answer, or the next that leads',
      counts.forwardsHeld,
    )
    this.total(
      'caucus_forwards_refused_total',
      'Requests and links that nobody could be found for',
      counts.forwardsRefused,
    )
    this.total(
      'caucus_forwards_forbidden_total',
      'Requests passed on by somebody who may not, or not soundly',
      desk.counts.forwardsForbidden,
    )
  }

  /** None is about a single topic: users make those, as many as they like, and each would be a time series. */
  topics(hosting: TopicsHosting, durations: Histogram<'ending'>): void {
    this.#registry.registerMetric(durations)
    const sizes = hosting.sizes()
    this.level('caucus_topics', 'Topics on which somebody is', sizes.topics)
    this.level('caucus_topic_producers', 'Producers on topics', sizes.producers)
    this.level('caucus_topic_listeners', 'Listeners on topics', sizes.listeners)
    this.level('caucus_topic_asks', 'Asks under way', sizes.asks)
    this.level('caucus_topic_requests', 'Requests that are with a producer, at work or waiting', sizes.requests)
    this.level('caucus_topic_streams', 'Replies under way in pieces', sizes.streams)
    const { asks, replies, errors, refused, timedOut, left, released, late, foreign } = hosting.counters()
    this.total('caucus_asks_total', 'Asks on topics', asks)
    const outcomes = { reply: replies, error: errors, refused, timeout: timedOut, left, released }
    for (const [outcome, value] of Object.entries(outcomes)) {
      this.total('caucus_ask_outcomes_total', 'What became of those who were expected to answer', value, { outcome })
    }
    this.total('caucus_answers_late_total', 'Answers that came when their ask was over', late)
    this.total('caucus_answers_foreign_total', 'Answers of somebody who was not asked, and second answers', foreign)
    const events = {
      'ask.sent': asks,
      'ask.answered': replies + errors + refused,
      'ask.finished': asks - sizes.asks,
    }
    for (const [event, value] of Object.entries(events)) this.total('caucus_events_total', 'Events', value, { event })
  }

  access({ access, rates, quotas, audit, counts }: Desk): void {
    this.level('caucus_access_entries', 'Tokens and entries for certificates', access.size)
    this.total('caucus_access_changes_total', 'How often the entries were replaced', access.version)
    this.total('caucus_access_failures_total', 'How often new entries could not be taken', access.failures)
    this.total(
      'caucus_messages_forbidden_total',
      'Words of members that their link may not say',
      counts.messagesForbidden,
    )
    this.total('caucus_links_revoked_total', 'Links closed because their entry was taken away', counts.linksRevoked)
    this.total(
      'caucus_streams_revoked_total',
      'Readers of events, and asks over HTTP, ended for the same reason',
      counts.streamsRevoked,
    )
    this.total('caucus_audit_lines_total', 'Lines of the audit log', audit.lines)
    this.total('caucus_evictions_total', 'Members that somebody had removed', audit.evictions)
    this.total('caucus_audit_untold_total', 'Lines that were left out, since one caller made too many', audit.untold)
    for (const [what, subjects] of Object.entries(quotas.refused)) {
      for (const [by, value] of Object.entries(subjects)) {
        this.total('caucus_quota_refused_total', 'Connections, links and streams beyond the part of one', value, {
          what,
          by,
        })
      }
    }
    for (const [kind, subjects] of Object.entries(rates.limited)) {
      for (const [by, value] of Object.entries(subjects)) {
        this.total('caucus_rate_limited_total', 'Requests and frames over a rate', value, { kind, by })
      }
    }
  }

  reading({ name, labels, value }: Reading, kind: 'total' | 'level'): void {
    const full = `caucus_${name.replaceAll(/[^a-zA-Z0-9_]/g, '_')}`
    if (kind === 'total') this.total(`${full}_total`, 'Told by a running part', value, labels)
    else this.level(full, 'Told by a running part', value, labels)
  }

  text(): Promise<string> {
    return this.#registry.metrics()
  }
}
