// One candidate of an election: says whenever it begins to lead, and does what it is told.
import { connect, remote } from '../../dist/index.js'
import { block } from './block.mjs'

const nowMs = () => Number(process.hrtime.bigint()) / 1e6
const [urls, election, id] = process.argv.slice(2)
let tenure
let heardNews = () => {}

const orders = {
  block: ({ forMs }) => {
    const mine = tenure
    // Both are read: neither may be true after its time.
    return block(
      () => mine.held || !mine.signal.aborted,
      forMs,
      (listener) => (heardNews = listener),
    )
  },
}

process.on('disconnect', () => process.exit())
process.on('message', async ({ order, ...options }) => {
  if (order === 'news') heardNews()
  else process.send({ done: await orders[order](options) })
})

const caucus = await connect(remote(urls.split(',')))
const work = async (mine) => {
  tenure = mine
  process.send({ id, token: mine.token, atMs: nowMs() })
  await new Promise((resolve) => mine.signal.addEventListener('abort', resolve, { once: true }))
}
await caucus.election(election).lead(work, { id })
