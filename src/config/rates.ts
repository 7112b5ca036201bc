/** How much an identity, and an address, may ask of a server, each by itself. */
export interface RateLimits {
  /** Everything but renewals. A picture of all groups, and the metrics, count as ten. */
  readonly requestsPerSecond: number
  readonly requestsBurst: number
  /** Renewals, leaves and polls, over HTTP and in links. */
  readonly renewalsPerSecond: number
  readonly renewalsBurst: number
  /** What is begun on topics: producers, listeners, and asks, each as many messages as it makes at most. Answers do not count: others have asked for them. */
  readonly asksPerSecond: number
  readonly asksBurst: number
}

/** How many of what all share one identity, and one address, may have at a time, so that something is always left for the others. */
export interface QuotaLimits {
  readonly connectionsPerAddress: number
  readonly linksPerIdentity: number
  /** Readers of events. */
  readonly streamsPerIdentity: number
  readonly streamsPerAddress: number
}

/** What a server has of it in all. */
export interface SharedLimits {
  readonly connections: number
  /** Readers of `/v1/groups/{g}/events`. */
  readonly streams: number
}

/** What the configuration of a server may set. */
export type ConfiguredLimits = Partial<RateLimits & QuotaLimits & SharedLimits>

export const CONFIGURED_LIMITS: readonly (keyof ConfiguredLimits)[] = [
  'requestsPerSecond',
  'requestsBurst',
  'renewalsPerSecond',
  'renewalsBurst',
  'asksPerSecond',
  'asksBurst',
  'connections',
  'connectionsPerAddress',
  'linksPerIdentity',
  'streams',
  'streamsPerIdentity',
  'streamsPerAddress',
]

/**
 * Far above what members need: ten thousand behind one address with one token make 50 000 renewals a second with the shortest timing of
 * ours, and connect and ask their way in twice each when all of them start at once.
 */
export const DEFAULT_RATES: RateLimits = Object.freeze({
  requestsPerSecond: 10_000,
  requestsBurst: 50_000,
  renewalsPerSecond: 200_000,
  renewalsBurst: 400_000,
  asksPerSecond: 500_000,
  asksBurst: 200_000,
})
