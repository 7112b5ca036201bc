/** How much an identity, and an address, may ask of a server, each by itself. */
export interface RateLimits {
  /** Everything but renewals. A picture of all groups, and the metrics, count as ten. */
  readonly requestsPerSecond: number
  readonly requestsBurst: number
  /** Renewals, leaves and polls, over HTTP and in links. */
  readonly renewalsPerSecond: number
  readonly renewalsBurst: number
}

/**
 * Far above what members need: ten thousand behind one address with one token make 50 000 renewals a second with the shortest timing of
 * ours, and connect and ask their way in twice each when all of them start at once.
 */
export const DEFAULT_RATES: RateLimits = Object.freeze({
  requestsPerSecond: 10_000,
  requestsBurst: 50_000,
  renewalsPerSecond: 200_000,
  renewalsBurst: 400_000,
})
