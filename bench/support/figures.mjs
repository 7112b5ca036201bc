export const median = (values) => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]
}

export const quantile = (values, q) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))]

export const round = (value, digits = 3) => Number(value.toPrecision(digits))

/**
 * Runs each contender in turn, several rounds, so that a machine whose speed drifts is the same to all of them.
 * Gives the median of each.
 */
export const inTurn = async (rounds, contenders) => {
  const results = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]))
  for (let i = 0; i < rounds; i++) {
    for (const [name, run] of Object.entries(contenders)) results[name].push(await run())
  }
  return Object.fromEntries(Object.entries(results).map(([name, values]) => [name, median(values)]))
}
