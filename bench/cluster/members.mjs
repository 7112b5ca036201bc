// Members of one group, each with a connection of its own, as if it were a process of its own. Says whenever one of them has been renewed by another
// coordinator than before, and whatever is granted to or lost by one.
import { connect, remote, timing } from '../../dist/index.js'

const [urls, group, prefix, count] = process.argv.slice(2)
const nowMs = () => Number(process.hrtime.bigint()) / 1e6

/** What a backend does for a membership, with somebody who listens in. */
const overheard = (backend, id, first) => {
  let generation = first
  let renewedBy = 0
  let validUntil = 0
  const follow = async () => {
    for await (const event of backend.linkEvents({ buffer: 1_000 })) {
      if (event.type === 'link.opened') generation = event.generation
    }
  }
  void follow()
  return new Proxy(backend, {
    get: (target, name) => {
      if (name !== 'join') {
        const value = target[name]
        return typeof value === 'function' ? value.bind(target) : value
      }
      return (request, listener) => {
        const port = target.join(request, {
          ...Object.fromEntries(Object.entries(listener)),
          changed: () => {
            const view = port.view()
            // Only an answer to a renewal moves it.
            if (view.validUntil > validUntil && generation > renewedBy && view.held.size > 0) {
              renewedBy = generation
              process.send({ id, generation, atMs: nowMs() })
            }
            validUntil = view.validUntil
            listener.changed()
          },
          granted: (items) => {
            process.send({ granted: items.length })
            listener.granted(items)
          },
          lost: (items, because) => {
            process.send({ lost: items.length, because })
            listener.lost(items, because)
          },
        })
        return port
      }
    },
  })
}

process.on('disconnect', () => process.exit())
const all = urls.split(',')
for (let i = 0; i < Number(count); i++) {
  // Each through another peer.
  const mine = [...all.slice(i % all.length), ...all.slice(0, i % all.length)]
  const id = `${prefix}-${i}`
  const backend = await remote(mine, { timing: timing.local })({})
  // The link is open by now, and nobody listened when it said by whom.
  const { generation } = await (await fetch(`${mine[0]}/v1/status`)).json()
  const caucus = await connect(async () => overheard(backend, id, generation))
  void caucus.group(group).join({ id })
}
