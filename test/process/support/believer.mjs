// A member of the group `g` that says what it believes whenever it is asked: one line of input, one line of output.
// Usage: node believer.mjs ORDER, where ORDER is { id, url, partitions, token?, timing? } in JSON. It ends with its input.
import { createInterface } from 'node:readline'
import { connect, remote } from 'caucus'

const { id, url, partitions, token, timing } = JSON.parse(process.argv[2])
const caucus = await connect(remote(url, { token, timing, connectTimeoutMs: 60_000 }))
const group = caucus.group('g')

/** What the connection and the server told, each once, in order. */
const news = []
const listen = async (events, tell) => {
  for await (const event of events) news.push(tell(event))
}
void listen(caucus.events(), ({ type }) => ({ type }))
const membership = await group.join({ id, share: { partitions } })
void listen(group.events(), ({ type, event, atMs }) => ({ type: event?.type ?? type, member: event?.member, atMs }))
void listen(membership.events(), ({ type, because }) => ({ type, because }))

/** Asked in this one turn of the loop; the wall clock first, so that a step that it shows is one that the belief had to see. */
const belief = () => {
  const wallMs = Date.now()
  const held = membership.partitions.flatMap((partition) => {
    const epoch = membership.epoch(partition)
    return epoch === undefined ? [] : [[partition, epoch]]
  })
  return { type: 'belief', wallMs, held, news: news.splice(0) }
}

const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`)
/** How many links the server has, as its metrics tell. */
const links = async () => {
  const metrics = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } })
  return { type: 'links', links: Number(/^caucus_links (\d+)$/m.exec(await metrics.text())?.[1]) }
}
const input = createInterface({ input: process.stdin })
input.on('line', (question) => {
  if (question === 'belief') say(belief())
  else void links().then(say)
})
input.on('close', () => process.exit(0))
process.on('SIGTERM', () => process.exit(0))
say({ type: 'joined' })
