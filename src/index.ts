export { type EmbeddedGroup, type EmbeddedOptions, embedded } from './backends/embedded/index.ts'
export { remote } from './backends/remote/index.ts'
export type { RemoteOptions } from './backends/remote/options.ts'
export { type Caucus, connect } from './client/connect.ts'
export type { RevokeHandler } from './client/drains.ts'
export type { Group, JoinOptions } from './client/group.ts'
export type { Membership, MembershipEvent, SettledOptions } from './client/membership.ts'
export type { Moved, Share, Slot } from './client/share.ts'
export type { RequestHandler, Topic } from './client/topic.ts'
export type { Ask } from './client/topic-ask.ts'
export type { AskSummary, Gathered } from './client/topic-gathered.ts'
export type { Heard, HeardHandler, Listener } from './client/topic-listener.ts'
export type { AskOptions, ListenOptions, ProduceOptions, TopicSchemas } from './client/topic-options.ts'
export type { Producer } from './client/topic-producer.ts'
export type { SchemaIssue, SchemaResult, StandardSchema } from './client/topic-schema.ts'
export { type Timing, type TimingPreset, timing } from './config/timing.ts'
export { type Change, type Move, type Partitioned, type Plan, plan } from './core/assignment/plan.ts'
export { rendezvous } from './core/assignment/rendezvous.ts'
export type { AssignmentRules } from './core/assignment/sticky.ts'
export type { Sharer, Weighted } from './core/assignment/weights.ts'
export type {
  Answer,
  Ending,
  Failure,
  Reply,
  Summary,
  Target,
  TopicView,
  Until,
} from './core/dispatch/messages.ts'
export type { MemberState } from './core/group/member.ts'
export type { ShareKind } from './core/group/messages.ts'
export { type Because, explain, type GroupEvent } from './core/group/reasons.ts'
export type { GroupView, MemberView } from './core/group/view.ts'
export { hash, indexOf, partitionOf } from './core/hash.ts'
export { CaucusError, ERROR_CODES, type ErrorBody, type ErrorCode, isCaucusError } from './errors.ts'
export type { BackendFactory, LinkEvent } from './ports/backend.ts'
export type { Guarantees, RecordedEvent } from './ports/hosting.ts'
export type { RequestContext } from './ports/topics.ts'
export type { Gap } from './runtime/history.ts'
