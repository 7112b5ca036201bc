import type { CoordinatorHosting } from '../../ports/hosting.ts'
import type { PeersHosting } from '../../ports/peers.ts'
import type { TopicsHosting } from '../../ports/topics-hosting.ts'
import type { Desk } from '../access/desk.ts'
import type { ServerLogger } from '../logger.ts'
import type { Meter } from '../meter.ts'
import type { ServerCounts } from '../metrics.ts'
import type { ServerLimits } from '../options.ts'

/** What every route may use. */
export interface ServerContext {
  readonly hosting: CoordinatorHosting
  readonly topics: TopicsHosting
  /** The voter that runs here. Groups and topics are hosted here only while it leads. */
  readonly peers?: PeersHosting | undefined
  /** Who asks, and what it may do. */
  readonly desk: Desk
  readonly limits: ServerLimits
  readonly counts: ServerCounts
  readonly logger: ServerLogger
  readonly version: string
  readonly meter: Meter | undefined
  /** Of an answer that begins now and does not end by itself: aborted when the server begins to stop, or does not serve any more. */
  readonly stopping: AbortSignal
  readonly connections: () => number
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The body is handed over as it is; what it has to be is the route's business. */
    readonly takesBytes?: boolean
    /** Of a voter: the route is answered here, whoever leads. */
    readonly answersItself?: boolean
  }
}
