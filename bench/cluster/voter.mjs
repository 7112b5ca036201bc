// One voter in a process of its own: says whom it takes for the leader, and does what it is told.
import { peer } from '../../dist/index.js'
import { block } from './block.mjs'

const nowMs = () => Number(process.hrtime.bigint()) / 1e6
const cluster = await peer(JSON.parse(process.argv[2]))
/** When this voter came to lead, and when it let go, by its token. */
const beganAt = {}
const endedAt = {}
let leading
let heardNews = () => {}

const orders = {
  /** Lets go in favour of another one. `atMs`: when it was told so; `endedMs`: when it led no more. Otherwise `code` says why it did not. */
  transfer: async () => {
    const atMs = nowMs()
    const { token } = cluster
    try {
      await cluster.transfer()
      return { atMs, endedMs: endedAt[token] }
    } catch ({ code }) {
      return { code }
    }
  },
  block: ({ forMs }) =>
    block(
      () => cluster.isLeader,
      forMs,
      (listener) => (heardNews = listener),
    ),
  began: ({ token }) => beganAt[token],
}

process.on('disconnect', () => process.exit())
process.on('message', async ({ order, ...options }) => {
  if (order === 'news') heardNews()
  else process.send({ done: (await orders[order](options)) ?? null })
})
for await (const leader of cluster.watch()) {
  const { token } = cluster
  if (leading !== undefined && leading !== token) endedAt[leading] ??= nowMs()
  if (token !== undefined) beganAt[token] ??= nowMs()
  leading = token
  process.send({ leader: leader?.identifier ?? null, term: leader?.token ?? 0 })
}
