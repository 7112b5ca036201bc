import type { ElectionEvent } from '../core/election/io.ts'
import type { GroupEvent } from '../core/group/reasons.ts'
import type { LinkEvent } from './backend.ts'

/** What is told by log lines and by nothing else, besides the events that are told elsewhere too. All of them: docs/events.md. */
type LoggedOnly =
  // A server, and what it is made of.
  | 'server.started'
  | 'voter.started'
  | 'observer.started'
  | 'coordinator.failed'
  | 'topics.failed'
  | 'store.failed'
  | 'cleanup.failed'
  | 'reign.delayed'
  | 'reign.failed'
  | 'peer.failed'
  | 'tether.failed'
  | 'frame.failed'
  | 'link.dropped'
  | 'link.rejected'
  | 'request.failed'
  | 'stream.failed'
  | 'session.shared'
  | 'connections.limited'
  | 'identities.ignored'
  | 'tokens.replaced'
  | 'tokens.rejected'
  | 'tokens.exposed'
  | 'certificate.replaced'
  | 'certificate.rejected'
  | 'audit.recorded'
  | 'audit.failed'
  | 'audit.dropped'
  // What coordinates on etcd.
  | 'etcd.failed'
  | 'etcd.recovered'
  | 'candidacy.failed'
  | 'record.refused'
  | 'session.ignored'
  | 'lease.abandoned'
  // Commands.
  | 'connection.attempted'
  | 'connection.delayed'
  | 'connection.failed'
  | 'connection.recovered'
  | 'stream.opened'
  | 'stream.lost'
  | 'stop.requested'
  | 'join.started'
  | 'join.refused'
  | 'campaign.started'
  | 'campaign.refused'
  | 'share.changed'
  | 'producer.registered'
  | 'reply.dropped'
  | 'program.started'
  | 'program.spawned'
  | 'program.finished'
  | 'program.failed'
  | 'program.stopped'
  | 'kill.failed'
  | 'watchdog.lost'
  | 'drain.delayed'
  | 'wait.abandoned'

/** What members and peers tell, where a log line tells it too. */
type ToldElsewhere =
  | LinkEvent['type']
  | GroupEvent['type']
  | ElectionEvent['type']
  | 'share.granted'
  | 'share.lost'
  | 'tenure.lost'
  | 'reign.started'
  | 'reign.ended'
  | 'observer.joined'
  | 'observer.left'
  | 'voters.learned'
  | 'seeds.failed'

/** The field `event` of a log line: `subject.pastTense`, one spelling for one thing. */
export type LogEvent = LoggedOnly | ToldElsewhere

/** What stands in a log line besides its level, its time and its message. */
export type LogDetails = Readonly<Record<string, unknown>> & { readonly event: LogEvent }
