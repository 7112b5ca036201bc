export interface Percentiles {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** Of the values as they are, without a guess between two of them; all 0 of none. Rounded to whole numbers. */
export const percentiles = (values: readonly number[]): Percentiles => {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number) => Math.round(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0)
  return { p50: at(0.5), p99: at(0.99), max: at(1) }
}
