import type {
  Concluded,
  GroupState,
  Left,
  MemberMessage,
  Refused,
  ShareKind,
  ShareMessage,
} from '../../core/group/messages.ts'
import type { KeptPlace } from '../../core/group/view.ts'
import type { Epoch, Generation } from '../../core/lease.ts'
import type { RecordedEvent } from '../../ports/hosting.ts'
import type { Revision } from './engine.ts'

/** At `coordinator`. Without a generation it was elected and has not begun. */
export interface CoordinatorRecord {
  readonly process: string
  readonly generation?: Generation
}

/** At `sessions/…`: what a member said last. */
export interface SessionRecord {
  /** That of the coordinator that it was said to. What was said to an earlier one is no claim: it may have been overtaken. */
  readonly generation: Generation
  readonly message: MemberMessage
}

/** At `shares/…`: what a member was answered last. */
export interface ShareRecord {
  /** The create revision of the session that is meant. One that came after it is another, and has to be answered first. */
  readonly session: Revision
  /** The mod revision of the last session record that was processed. */
  readonly heard: Revision
  readonly message: ShareMessage | Refused | Left | Concluded
}

/** At `groups/…/head`. */
export interface HeadRecord {
  readonly generation: Generation
  readonly state: GroupState
  readonly epoch: Epoch
  readonly members: number
  readonly share: ShareKind
  /** Places of members who have stopped and may come back. */
  readonly kept?: readonly KeptPlace[]
}

/** At `groups/…/events`: the last ones, oldest first. */
export interface EventsRecord {
  readonly events: readonly RecordedEvent[]
}
