export {
  type LeaderInfo,
  type LeaderOnly,
  type LeaderOnlyOptions,
  type LeaderSource,
  leaderOnly,
} from './adapters/leader-only.ts'
export { type Owned, type OwnedMembership, type OwnedOptions, owned } from './adapters/owned.ts'
export type { RosterSource, ShareChanges } from './adapters/owners.ts'
export type { WebRequest, WebResponse } from './adapters/web.ts'
export { type EmbeddedGroup, type EmbeddedOptions, embedded } from './backends/embedded/index.ts'
export { remote } from './backends/remote/index.ts'
export type { RemoteOptions } from './backends/remote/options.ts'
export { type Caucus, connect } from './client/connect.ts'
export type { RevokeHandler } from './client/drains.ts'
export type { Election } from './client/election.ts'
export type { LeaderWork } from './client/election-lead.ts'
export type { Leader } from './client/election-observe.ts'
export type { CampaignOptions, LeadOptions } from './client/election-options.ts'
export type { Group, JoinOptions } from './client/group.ts'
export type { Membership, MembershipEvent, SettledOptions } from './client/membership.ts'
export type { OnceOptions, OnceResult, OnceRun, OnceWork } from './client/once.ts'
export type { Service } from './client/service.ts'
export type {
  InstanceChanges,
  InstanceOptions,
  InstancesOptions,
  PickOptions,
  RegisterOptions,
} from './client/service-options.ts'
export type { Picker } from './client/service-picker.ts'
export type { Registration, RegistrationState } from './client/service-registration.ts'
export type { Moved, Share, Slot } from './client/share.ts'
export type { Tenure } from './client/tenure.ts'
export type { RequestHandler, Topic } from './client/topic.ts'
export type { Ask } from './client/topic-ask.ts'
export type { AskSummary, Gathered } from './client/topic-gathered.ts'
export type { Heard, HeardGap, HeardHandler, Listener } from './client/topic-listener.ts'
export type { AskOptions, ListenOptions, ProduceOptions, TopicSchemas } from './client/topic-options.ts'
export type { Producer } from './client/topic-producer.ts'
export type { SchemaIssue, SchemaResult, StandardSchema } from './client/topic-schema.ts'
export type { WorkerProduceOptions } from './client/topic-worker-options.ts'
export { type Timing, type TimingPreset, timing } from './config/timing.ts'
export { type Change, type Move, type Partitioned, type Plan, plan } from './core/assignment/plan.ts'
export { rendezvous, weightedRendezvous } from './core/assignment/rendezvous.ts'
export type { AssignmentRules } from './core/assignment/sticky.ts'
export type { Sharer, Weighted } from './core/assignment/weights.ts'
export type { TraceContext } from './core/dispatch/link-messages.ts'
export type {
  Answer,
  Ending,
  Failure,
  Reply,
  Summary,
  Target,
  TopicRates,
  TopicView,
  Until,
} from './core/dispatch/messages.ts'
export type { MemberState } from './core/group/member.ts'
export type { ShareKind } from './core/group/messages.ts'
export { type Because, explain, type GroupEvent } from './core/group/reasons.ts'
export type { GroupView, MemberView } from './core/group/view.ts'
export { hash, indexOf, partitionOf } from './core/hash.ts'
export type { InstanceFilter } from './core/registry/filter.ts'
export type { Instance, InstanceRecord, InstanceStatus } from './core/registry/instance.ts'
export type { ServiceCount } from './core/registry/view.ts'
export { CaucusError, ERROR_CODES, type ErrorBody, type ErrorCode, isCaucusError } from './errors.ts'
export { type LocalGroup, type LocalOptions, local } from './local.ts'
export {
  type Cluster,
  type ClusterEvent,
  type ClusterLeader,
  type PeerGroup,
  type PeerOptions,
  type PeerPoll,
  type PeerTls,
  peer,
} from './peer.ts'
export type { BackendFactory, LinkEvent } from './ports/backend.ts'
export type { Guarantees, RecordedEvent } from './ports/hosting.ts'
export type { ServiceView } from './ports/registry.ts'
export type { ReplyStream, RequestContext } from './ports/topics.ts'
export type { Tracing } from './ports/tracing.ts'
export type { Gap } from './runtime/history.ts'
export type { ThreadContext } from './threads/messages.ts'
