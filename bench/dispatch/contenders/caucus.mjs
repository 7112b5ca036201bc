import { once } from 'node:events'
import { connect, remote } from '../../../dist/index.js'
import { sleep } from '../../support/figures.mjs'
import { startCaucus } from '../../support/process.mjs'
import { handlersOf, nameOf } from '../work.mjs'

/** As many as may be in flight at once. */
const CONCURRENCY = 16

const STOP_MS = 2_000

/** Through `caucus serve`, two hops each way: every responder on a connection of its own. */
export const name = 'Caucus'

export const serve = async () => {
  const server = await startCaucus()
  const stop = async () => {
    // So that a profile of it is written, if it makes one.
    server.child.kill('SIGTERM')
    await Promise.race([once(server.child, 'exit'), sleep(STOP_MS)])
    await server.stop()
  }
  return { ...server, stop }
}

export const respond = async (numbers, url) => {
  const responders = numbers.map(async (number) => {
    const caucus = await connect(remote(url))
    const options = { id: nameOf(number), concurrency: CONCURRENCY }
    const producers = Object.entries(handlersOf(number)).map(([topic, handler]) =>
      caucus.topic(topic).produce(handler, options),
    )
    await Promise.all(producers.map((producer) => producer.ready()))
  })
  await Promise.all(responders)
  return url
}

export const asker = async ([url]) => {
  const caucus = await connect(remote(url))
  return async (topic, request, { withinMs }) => {
    const { replies, missing } = await caucus.topic(topic).gather(request, { withinMs })
    return { replies: replies.map(({ value }) => value), missing }
  }
}
