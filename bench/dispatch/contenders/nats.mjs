import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { connect } from '@nats-io/transport-node'
import { tracked } from '../../support/process.mjs'
import { handlersOf } from '../work.mjs'

/** Through a real `nats-server`, with its own client: request-many that knows how many replies to wait for. */
export const name = 'NATS'

/** What the client's documents recommend for requests that have to be fast: no trace of the caller in each. */
const OPTIONS = { noAsyncTraces: true }
/** From so many replies on an inbox of each request's own is faster (by a twelfth at 100); with fewer the shared one is, the default. */
const OWN_INBOX_FROM = 50

/** On a free port of loopback, without a file anywhere; undefined where `nats-server` is not installed. */
export const serve = async () => {
  const child = tracked(spawn('nats-server', ['-a', '127.0.0.1', '-p', '-1'], { stdio: ['ignore', 'ignore', 'pipe'] }))
  const ended = new Promise((resolve) => {
    child.once('exit', resolve)
    child.once('error', resolve)
  })
  const stop = async () => {
    child.kill('SIGTERM')
    await ended
  }
  for await (const line of createInterface({ input: child.stderr })) {
    const [, url] = /Listening for client connections on (\S+)$/.exec(line) ?? []
    if (url === undefined) continue
    child.stderr.resume()
    return { url, pid: child.pid, stop }
  }
  const why = await ended
  if (why?.code === 'ENOENT') return undefined
  throw new Error(`nats-server ended with ${why} before it listened`)
}

export const respond = async (numbers, url) => {
  const responders = numbers.map(async (number) => {
    const connection = await connect({ servers: url, ...OPTIONS })
    for (const [topic, handler] of Object.entries(handlersOf(number))) {
      const callback = async (error, message) => {
        if (error !== null) throw error
        message.respond(JSON.stringify(await handler(message.json())))
      }
      // With a callback, which its documents call the faster way.
      connection.subscribe(topic, { callback })
    }
    await connection.flush()
  })
  await Promise.all(responders)
  return url
}

export const asker = async ([url]) => {
  const connection = await connect({ servers: url, ...OPTIONS })
  return async (topic, request, { expected, withinMs }) => {
    const noMux = expected >= OWN_INBOX_FROM
    const options = { strategy: 'count', maxMessages: expected, maxWait: withinMs, noMux }
    const replies = []
    for await (const message of await connection.requestMany(topic, JSON.stringify(request), options)) {
      replies.push(message.json())
    }
    return { replies }
  }
}
