export const median = (values) => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]
}

export const quantile = (values, q) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))]

export const round = (value, digits = 3) => Number(value.toPrecision(digits))

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Runs each contender in turn, several rounds, so that a machine whose speed drifts is the same to all of them. */
export const inTurn = async (rounds, contenders) => {
  const results = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]))
  for (let i = 0; i < rounds; i++) {
    for (const [name, run] of Object.entries(contenders)) results[name].push(await run())
  }
  return results
}

/** Steps of 2 %: fine enough for a picture, coarse enough for millions of measurements. */
const STEP = Math.log(1.02)
const LEAST_MS = 0.001
const BUCKETS = 1_200

/** How long many things took, in milliseconds, in a table of constant size. */
export class Latencies {
  #counts = new Uint32Array(BUCKETS)
  #size = 0

  add(ms) {
    const bucket = ms <= LEAST_MS ? 0 : Math.min(BUCKETS - 1, Math.ceil(Math.log(ms / LEAST_MS) / STEP))
    this.#counts[bucket]++
    this.#size++
  }

  get size() {
    return this.#size
  }

  /** What another process needs in order to have the same: see `from`. */
  get counts() {
    return this.#counts
  }

  static from(counts) {
    const latencies = new Latencies()
    latencies.#counts = counts
    latencies.#size = counts.reduce((sum, count) => sum + count, 0)
    return latencies
  }

  /** In milliseconds, at most 2 % too high. */
  quantile(q) {
    let left = Math.max(1, Math.ceil(this.#size * q))
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.#counts[bucket]
      if (left <= 0) return LEAST_MS * Math.exp(bucket * STEP)
    }
    return 0
  }

  merge(other) {
    for (let bucket = 0; bucket < BUCKETS; bucket++) this.#counts[bucket] += other.#counts[bucket]
    this.#size += other.#size
    return this
  }
}

/**
 * The slope of a series by Theil and Sen: the median of the slopes of all pairs, which a few outliers do not move. In units of y for
 * one unit of x.
 */
export const slopeOf = (points) => {
  const slopes = []
  for (let i = 0; i < points.length; i++) {
    for (let j = i + 1; j < points.length; j++) {
      const across = points[j].x - points[i].x
      if (across > 0) slopes.push((points[j].y - points[i].y) / across)
    }
  }
  return slopes.length === 0 ? 0 : median(slopes)
}
