import type { Happened, Telemetry } from '../../ports/telemetry.ts'
import type { PeerHappened, TracedPeer, Tracing } from '../../ports/tracing.ts'
import { guarded } from '../../runtime/tracing.ts'

const TRACED: ReadonlySet<string> = new Set<PeerHappened['type']>([
  'election.started',
  'leader.elected',
  'leader.lost',
  'reign.started',
  'reign.ended',
])

const isTraced = (event: Happened): event is PeerHappened => TRACED.has(event.type)

/** The same telemetry, with what is told of elections and reigns told to a tracing too. */
export const traced = (telemetry: Telemetry, tracing: Tracing, peer: TracedPeer): Telemetry => {
  const trace = guarded(() => tracing.beginPeer(peer))
  return {
    event: (event) => {
      telemetry.event(event)
      if (isTraced(event)) guarded(() => trace?.happened(event))
    },
    count: (name, by, labels) => telemetry.count(name, by, labels),
    gauge: (name, value, labels) => telemetry.gauge(name, value, labels),
    duration: (name, ms, labels) => telemetry.duration(name, ms, labels),
    log: (level, message, details) => telemetry.log(level, message, details),
  }
}
