import { connect, embedded } from '../../../dist/index.js'
import { nats } from '../../../dist/nats.js'
import { handlersOf, nameOf } from '../work.mjs'

export { serve } from './nats.mjs'

/** As many as may be in flight at once. */
const CONCURRENCY = 16

/** Topics over a real `nats-server`, every responder on a connection of its own. */
export const name = 'Caucus on NATS'

export const respond = async (numbers, url) => {
  const backend = embedded()
  const responders = numbers.map(async (number) => {
    const caucus = await connect(backend, { topics: nats(url) })
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
  const caucus = await connect(embedded(), { topics: nats(url) })
  return async (topic, request, { withinMs }) => {
    const { replies, missing } = await caucus.topic(topic).gather(request, { withinMs })
    return { replies: replies.map(({ value }) => value), missing }
  }
}
