import type { HubLimits } from '../../core/dispatch/hub.ts'
import type { Millis } from '../../core/time.ts'

/**
 * What one run is about. `swarm` switches a random subset of all faults on; `restarts` does so around a server that crashes again and again;
 * in `churn` producers and listeners come and go without end, and nothing else goes wrong; in `quiet` nothing does at all.
 */
export const DISPATCH_PROFILES = ['swarm', 'restarts', 'churn', 'quiet'] as const

export type DispatchProfile = (typeof DISPATCH_PROFILES)[number]

/** What may go wrong, or is at least no plain ask and answer. */
export const DISPATCH_FAULTS = [
  // Producers, listeners and asks that come to an early end.
  'produce',
  'withdraw',
  'leave',
  'twin',
  'listen',
  'unlisten',
  'abandon',
  'askStorm',
  // Handlers.
  'failing',
  'endless',
  'slow',
  'shortQueue',
  // What is said twice, or by somebody who was not asked.
  'duplicate',
  'foreign',
  'replay',
  // Links.
  'linkLoss',
  'halfOpen',
  'afterlife',
  'slowLink',
  'fullQueue',
  // Processes and their timers.
  'crash',
  'restart',
  'pause',
  'serverPause',
  'lateWake',
  'harshWake',
  // The hub takes no more than a few of each.
  'limits',
] as const

export type DispatchFault = (typeof DISPATCH_FAULTS)[number]

export interface DispatchConditions {
  readonly seed: number
  readonly profile: DispatchProfile
  readonly clients: number
  readonly topics: readonly string[]
  /** One way, about. */
  readonly delayMs: Millis
  /** How long a handler takes, about. */
  readonly workMs: Millis
  readonly askEveryMs: Millis
  /** Limits of asks are drawn from these. */
  readonly withinMs: readonly Millis[]
  readonly faultEveryMs: Millis
  readonly faultsForMs: Millis
  readonly faults: ReadonlySet<DispatchFault>
  readonly limits: HubLimits
  /** What may wait for a link whose other side does not read, in messages; listeners do without beyond it. */
  readonly linkRoom: number
  readonly drift: number
  /** How long it takes to be linked again, at most. */
  readonly reconnectMs: Millis
  /** The only deeds that are done, by the names that `DispatchSimulation.deeds` gives them. Default: all that come up. */
  readonly deeds?: ReadonlySet<string>
}

/** What of a seed's conditions is left: everything that is not named here stays as it was drawn. */
export interface DispatchLimits {
  readonly clients?: number
  readonly faults?: readonly DispatchFault[]
  readonly deeds?: readonly string[]
  readonly faultsForMs?: number
}

export const limitedDispatch = (drawn: DispatchConditions, limits: DispatchLimits): DispatchConditions => {
  const { clients, faults, deeds, faultsForMs } = limits
  return {
    ...drawn,
    clients: Math.min(clients ?? Number.POSITIVE_INFINITY, drawn.clients),
    faults: new Set([...drawn.faults].filter((name) => faults?.includes(name) ?? true)),
    faultsForMs: Math.min(faultsForMs ?? Number.POSITIVE_INFINITY, drawn.faultsForMs),
    ...(deeds !== undefined && { deeds: new Set(deeds) }),
  }
}
