// A consumer of partitions, as of a log: every partition is read by one consumer at a time, in order, from where it was left.
//
// What moves is finished message by message: the consumer that loses a partition commits the message in its hands, and only then
// does the next one begin, with the message after it.
import type { Caucus, Membership } from 'caucus'

export const PARTITIONS = 16

export interface Message {
  readonly offset: number
  readonly text: string
}

/** The log and the place where offsets are kept: a broker or a few tables, in a real program. */
export interface Log {
  /** The messages of a partition from `offset` on; waits a moment when there are none yet, and then gives none. */
  read(partition: number, offset: number): Promise<readonly Message[]>
  /** Where to go on. */
  committed(partition: number): Promise<number>
  /** Must refuse an epoch lower than the highest it has seen for this partition. */
  commit(partition: number, offset: number, epoch: number): Promise<void>
}

/** Must not mind a message twice: a consumer may be lost after it handled one and before it committed. */
export type Handle = (message: Message, partition: number) => Promise<void>

/** Consumes the partitions of this process until the signal aborts, and leaves. */
export const consume = async (caucus: Caucus, log: Log, handle: Handle, signal: AbortSignal): Promise<void> => {
  const loops = new Map<number, { readonly epoch: number; readonly over: Promise<void> }>()
  const stop = new AbortController()
  const abort = () => stop.abort(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    await using membership = await caucus.group('consumers').join({ share: { partitions: PARTITIONS }, signal })
    // Each loop ends by itself, since it is no longer ours; waiting for it lets it finish the message in its hands.
    membership.onRevoke(async ({ partitions }) => {
      await Promise.all(partitions.map((partition) => loops.get(partition)?.over))
    })
    for await (const { partitions } of membership.watch({ signal: stop.signal })) {
      for (const partition of partitions) {
        const epoch = membership.epoch(partition)
        // A partition that came back has a new epoch, and is read anew from what was committed meanwhile.
        if (epoch === undefined || loops.get(partition)?.epoch === epoch) continue
        const over = consumePartition({ membership, log, handle, partition, epoch }).catch((error) => stop.abort(error))
        loops.set(partition, { epoch, over })
      }
    }
  } catch (error) {
    // Being called off is how it ends; anything else is worth knowing.
    if (!signal.aborted) throw error
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

interface Part {
  readonly membership: Membership
  readonly log: Log
  readonly handle: Handle
  readonly partition: number
  readonly epoch: number
}

const consumePartition = async ({ membership, log, handle, partition, epoch }: Part): Promise<void> => {
  const isOurs = () => membership.epoch(partition) === epoch
  let offset = await log.committed(partition)
  while (isOurs()) {
    for (const message of await log.read(partition, offset)) {
      // Asked before each message: it is compared with the clock.
      if (!isOurs()) return
      await handle(message, partition)
      offset = message.offset + 1
      await log.commit(partition, offset, epoch)
    }
  }
}
