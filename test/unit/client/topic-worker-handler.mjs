// What the threads of topic-worker.test.ts run. Node loads it by itself, so it is JavaScript.
import { once } from 'node:events'
import { threadId } from 'node:worker_threads'
// Not the whole package, which every thread of every test would load.
import { CaucusError } from '../../../dist/errors.js'

/** Says so where the test looks. */
const begun = (word) => Atomics.store(word, 0, 1)
const REASONS = ['none', 'begun', 'CAUCUS_CLOSED', 'CAUCUS_TIMEOUT', 'CAUCUS_FENCED']
const ended = (word, { code }) => Atomics.store(word, 0, REASONS.indexOf(code))

const doings = {
  tell: (_request, { from, topic, remainingMs }) => ({ from, topic, remainingMs, threadId }),
  echo: ({ value }) => value,
  fail: () => {
    throw new RangeError('out of stock')
  },
  refuse: () => {
    throw new CaucusError('CAUCUS_FORBIDDEN', 'not for sale', { details: { sku: 'milk' } })
  },
  refuseOddly: () => {
    throw new CaucusError('CAUCUS_CONFLICT', 'odd', { details: { why: () => 'a function' } })
  },
  throwUndefined: () => {
    throw undefined
  },
  throwFunction: () => {
    throw () => 'what a thing to throw'
  },
  giveFunction: () => ({ price: () => 99 }),
  exit: () => process.exit(3),
  crash: () => {
    setImmediate(() => {
      throw new Error('nobody catches this')
    })
    return new Promise(() => {})
  },
  crashLater: () => {
    setImmediate(() =>
      setImmediate(() => {
        throw new Error('nobody catches this either')
      }),
    )
    return 'fine'
  },
  fill: () => {
    const kept = []
    for (;;) kept.push(new Array(100_000).fill(kept.length))
  },
  bytes: ({ transfer }, context) => {
    const bytes = new Uint8Array(1_000).fill(7)
    doings.bytes.latest = bytes
    if (transfer) context.transfer(bytes.buffer)
    return bytes
  },
  leftOfBytes: () => doings.bytes.latest.length,
  // Until it is let go, whatever happens to its request.
  block: ({ word }) => {
    begun(word)
    while (Atomics.load(word, 1) === 0);
    return 'let go'
  },
  wait: async ({ word }, { signal }) => {
    begun(word)
    await once(signal, 'abort')
    ended(word, signal.reason)
    throw signal.reason
  },
  compute: ({ word }, { signal }) => {
    begun(word)
    while (!signal.aborted);
    ended(word, signal.reason)
  },
  computeLoudly: ({ word }, { signal }) => {
    begun(word)
    try {
      for (;;) signal.throwIfAborted()
    } catch (reason) {
      ended(word, reason)
    }
  },
}

export default (request, context) => doings[request.do](request, context)

export const other = (request) => `other: ${request.do}`
export const table = {}
