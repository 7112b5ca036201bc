// Items split equally among the nodes that run this program: the example of bloc's README, twice.
//
// First by bloc's own names, line by line, with a server of either kind:   caucus serve -t 4 -s 6
// Then with the SDK, which learns of a change at once, and gives up what moves before somebody else has it.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Caucus, indexOf } from 'caucus'
import { BlocClient } from 'caucus/compat'

export interface Work {
  getItemsToProcess(): Promise<readonly string[]>
  /** Must not mind being done twice: a node may be lost after it did an item and before it said so. */
  processItem(item: string): Promise<void>
  /** How often to look for items. */
  readonly everyMs: number
}

/** Can I process this item? The hash is the same on every node, which is what makes exactly one of them say yes. */
export const isMyItem = ([index, total]: readonly [index: number, total: number], item: string): boolean =>
  indexOf(item, total) === index

/** Processes items based on the index and total got from BlocClient. */
export const doStuff = async (bc: BlocClient, work: Work): Promise<void> => {
  for (const item of await work.getItemsToProcess()) {
    // Asked again for each item: null means to stop, since the next slot may be another one.
    const indexTotal = bc.getIndexTotal()
    if (indexTotal === null) return
    if (isMyItem(indexTotal, item)) await work.processItem(item)
  }
}

export const runWithBlocClient = async (server: string, intervalSeconds: number, work: Work, signal: AbortSignal) => {
  const bc = new BlocClient(server, intervalSeconds, { onError: (error) => console.warn(error.message) })
  bc.startService()
  try {
    await every(work.everyMs, () => doStuff(bc, work), signal)
  } finally {
    await bc.stopService()
  }
}

/** The same with the SDK: `owns` is the slot, the hash and the lease in one. */
export const runWithCaucus = async (caucus: Caucus, work: Work, signal: AbortSignal) => {
  await using membership = await caucus.group('items').join({ signal })
  const doStuff = async () => {
    for (const item of await work.getItemsToProcess()) if (membership.owns(item)) await work.processItem(item)
  }
  await every(work.everyMs, doStuff, signal)
}

const every = async (ms: number, run: () => Promise<void>, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    await run()
    // Called off is how this loop ends.
    await sleep(ms, undefined, { signal }).catch(() => {})
  }
}
