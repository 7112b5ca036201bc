/** Rows of dispatch across processes that have been measured beside others. */
export const contested = (rows) =>
  rows.filter(({ row, series }) => row.startsWith('dispatch across') && series?.latencies !== undefined)

/** A colour for each contender, the same in every picture; ours is the first. */
export const colourOf = (name) => ({ Caucus: 'a', NATS: 'b', 'direct ws': 'd' })[name] ?? 'c'

/** What a row is about, without what all of them have in common. */
export const caseOf = ({ row }) => row.replace('dispatch across processes, ', '')
