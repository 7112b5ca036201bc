import { randomBytes } from 'node:crypto'
import { CaucusError } from '../../errors.ts'
import type { TopicsFactory } from '../../ports/topics-factory.ts'
import { systemClocks } from '../../runtime/system-clock.ts'
import { orAborted } from '../../runtime/wait.ts'
import type { CableSink, OpenCable } from './cable.ts'
import { checkedNats, type NatsOptions, type SoundNats } from './options.ts'
import { hexOf } from './subjects.ts'
import { NatsTopics } from './topics.ts'

/**
 * Topics over a NATS server, or a cluster of them, for `connect(backend, { topics: nats(...) })`. No process of ours beside it. Throws
 * `CAUCUS_INVALID_ARGUMENT` for options that are wrong.
 *
 * `connect()` then rejects with `CAUCUS_UNAVAILABLE` when no server can be reached within `connectTimeoutMs`, `CAUCUS_UNAUTHORIZED` when it
 * lets nobody like us in, `CAUCUS_FORBIDDEN` when it does not allow our subjects, and `CAUCUS_INVALID_CONFIG` for what no further attempt would mend, as
 * a client that is not installed (`npm install @nats-io/transport-node`).
 */
export const nats = (servers: string | readonly string[] | NatsOptions): TopicsFactory => {
  const options = checkedNats(servers)
  return async ({ signal }) => {
    // Only now: whoever has no topics on NATS need not have its client.
    const { natsCable } = await cables()
    return natsTopics(options, natsCable(options), signal)
  }
}

/** The client is loaded by whoever uses it: it is not among the dependencies of this package. */
const cables = async () => {
  try {
    return await import('./nats-cable.ts')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    const message = 'nats() needs the package @nats-io/transport-node: npm install @nats-io/transport-node'
    throw new CaucusError('CAUCUS_INVALID_CONFIG', message, { cause: error })
  }
}

/** Topics over a cable that `open` lays. */
export const natsTopics = async (
  { prefix, name }: Pick<SoundNats, 'prefix' | 'name'>,
  open: OpenCable,
  signal: AbortSignal | undefined,
) => {
  const own = hexOf(newNode())
  const topics = new NatsTopics({
    clock: systemClocks.grantor,
    prefix,
    name: name === undefined ? own : `${name}/${own}`,
    newNode,
    // After all microtasks, before the loop goes on: an answer does not wait for what others have to read.
    soon: (run) => process.nextTick(run),
    // Thrown where nobody catches it, as a fault of ours should be.
    onFault: (error) =>
      queueMicrotask(() => {
        throw error
      }),
  })
  let refusal: CaucusError | undefined
  const sink: CableSink = {
    opened: () => topics.opened(),
    lost: (reason) => topics.lost(reason),
    refused: (error) => {
      refusal ??= error
      topics.refused(error)
    },
  }
  try {
    const cable = await open(sink, { signal })
    topics.connected(cable)
    // A server that does not allow our subjects says so before it confirms them.
    await orAborted(signal, () => cable.confirmed())
    await new Promise((resolve) => setImmediate(resolve))
    if (refusal?.code === 'CAUCUS_FORBIDDEN') throw refusal
  } catch (error) {
    await topics.close()
    throw error
  }
  return { topics, close: () => topics.close() }
}

const newNode = (): number => randomBytes(6).readUIntBE(0, 6)
