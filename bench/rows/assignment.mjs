import { indexOf, partitionOf, plan } from '../../dist/index.js'
import { median, round } from '../support/figures.mjs'

const spread = (partitions, members) => Array.from({ length: partitions }, (_, i) => members[i % members.length])

/** 100 000 partitions over 1 000 members, one joins. */
export const assignmentPlan = async () => {
  const members = Array.from({ length: 1_000 }, (_, i) => `member-${i}`)
  const owners = spread(100_000, members)
  const times = []
  let result
  for (let i = 0; i < 15; i++) {
    const started = process.hrtime.bigint()
    result = plan({ members, owners }, { join: ['newcomer'] })
    times.push(Number(process.hrtime.bigint() - started) / 1e6)
  }
  const ms = median(times)
  const minimal = result.moves.length === result.minimum
  return [
    {
      row: 'assignment plan, 100 000 partitions × 1 000 members, one joins',
      ours: round(ms),
      floor: null,
      others: {},
      ratio: round(ms / 100),
      target: '≤ 100 ms, moves minimal',
      ok: ms <= 100 && minimal,
      unit: 'ms',
      details: { moves: result.moves.length, minimum: result.minimum },
    },
  ]
}

/** What an 11th member costs those who were there: partitions against bloc's index. */
export const keysMoved = async () => {
  const members = Array.from({ length: 10 }, (_, i) => `member-${i}`)
  const owners = spread(256, members)
  const { moves } = plan({ members, owners }, { join: ['newcomer'] })
  const moving = new Set(moves.map(({ partition }) => partition))
  const keys = Array.from({ length: 100_000 }, (_, i) => `key-${i}`)
  const share = (moved) => (100 * keys.filter(moved).length) / keys.length
  const ours = share((key) => moving.has(partitionOf(key, 256)))
  const index = share((key) => indexOf(key, 10) !== indexOf(key, 11))
  const floor = 100 / 11
  return [
    {
      row: 'keys moved when an 11th member joins 10',
      ours: round(ours),
      floor: round(floor),
      others: { 'an index share, as in bloc': round(index) },
      ratio: round(ours / floor),
      target: '9.1 % with partitions',
      ok: ours <= floor * 1.05,
      unit: '%',
    },
  ]
}
