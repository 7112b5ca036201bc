import { type Generation, grantMs, MAX_GENERATION } from '../lease.ts'
import type { Instant, Millis } from '../time.ts'
import type { GroupOrders } from './orders.ts'
import type { Roll } from './roll-call.ts'

/**
 * What a coordinator must find again after a restart: the generation that it used, and the longest leases that it may have
 * given. Both are durable before they are used.
 */
export interface Foundation {
  readonly generation: Generation
  /** For every group that has no entry of its own. */
  readonly defaultCeilingMs: Millis
  readonly ceilingsMs: Readonly<Record<string, Millis>>
  /** By group. */
  readonly orders?: Readonly<Record<string, GroupOrders>>
  /** Wall clock: what is to be run once at this instant, or before, may have begun. No later coordinator begins it. */
  readonly onceUntilMs?: number
  /** Of a stop in good order. It is taken out with the next start: that one's own grants are not in it. */
  readonly roll?: Roll
}

/** The leases that are configured now. */
export interface ConfiguredLeases {
  readonly defaultLeaseMs: Millis
  readonly leasesMs: Readonly<Record<string, Millis>>
}

/**
 * The foundation of the next start. The generation is later than any used before, also when the wall clock went back; the
 * ceilings are the longer of what was promised and what is configured. A blank store proves nothing: it may be a lost one.
 */
export const nextFoundation = (
  stored: Foundation | undefined,
  leases: ConfiguredLeases,
  wallMs: number,
): Foundation => {
  const seconds = Math.floor(wallMs / 1000)
  const generation = Math.min(Math.max((stored?.generation ?? 0) + 1, seconds, 1), MAX_GENERATION)
  const configured = loweredFoundation({ generation }, leases)
  const names = new Set([...Object.keys(stored?.ceilingsMs ?? {}), ...Object.keys(leases.leasesMs)])
  const ceilings = [...names].map((name) => [name, Math.max(ceilingOf(stored, name), ceilingOf(configured, name))])
  const ceilingsMs = Object.fromEntries(ceilings)
  const defaultCeilingMs = Math.max(stored?.defaultCeilingMs ?? 0, leases.defaultLeaseMs)
  const { roll: _past, ...lasting } = stored ?? {}
  return { ...lasting, generation, defaultCeilingMs, ceilingsMs }
}

/** The foundation once every longer lease of earlier starts has run out. */
export const loweredFoundation = (
  foundation: Pick<Foundation, 'generation' | 'orders' | 'onceUntilMs'>,
  leases: ConfiguredLeases,
): Foundation => ({
  ...foundation,
  defaultCeilingMs: leases.defaultLeaseMs,
  ceilingsMs: { ...leases.leasesMs },
})

export const ceilingOf = (foundation: Foundation | undefined, group: string): Millis => {
  if (foundation === undefined) return 0
  return Object.hasOwn(foundation.ceilingsMs, group)
    ? (foundation.ceilingsMs[group] as Millis)
    : foundation.defaultCeilingMs
}

/** Until then, nothing of this group that nobody claimed may be given to anybody. */
export const ceilingUntil = (foundation: Foundation, group: string, startedAt: Instant): Instant =>
  startedAt + grantMs(ceilingOf(foundation, group))

/** When the last lease of any earlier start has run out, and the ceilings may be lowered to what is configured. */
export const lowerAt = (foundation: Foundation, startedAt: Instant): Instant =>
  startedAt + grantMs(Math.max(foundation.defaultCeilingMs, ...Object.values(foundation.ceilingsMs)))

export const sameFoundation = (a: Foundation, b: Foundation): boolean => {
  if (a.generation !== b.generation || a.defaultCeilingMs !== b.defaultCeilingMs) return false
  const names = new Set([...Object.keys(a.ceilingsMs), ...Object.keys(b.ceilingsMs)])
  return [...names].every((name) => a.ceilingsMs[name] === b.ceilingsMs[name])
}
