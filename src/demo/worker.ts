// A process of the demo: joins the group, and hashes the files of the partitions that it owns.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from '../index.ts'
import { Hasher, type Ownership } from './hasher.ts'
import type { FromWorker, ToWorker, WorkOrder } from './messages.ts'
import { backendFor } from './reaching.ts'
import { PARTITIONS } from './results.ts'

const order = JSON.parse(process.argv[2] ?? '') as WorkOrder
const tell = (message: FromWorker) => void (process.connected && process.send?.(message, () => {}))
const over = new AbortController()

// The demo is gone, so nobody wants the results; what this process holds, its lease takes from it.
process.on('disconnect', () => process.exit(0))
// It may have gone while this was being loaded.
if (!process.connected) process.exit(0)
// Ctrl-C in a terminal reaches every process of the demo; the one that the user sees decides what becomes of the others.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => over.abort())

const caucus = await connect(await backendFor(order.reach))
const membership = await caucus.group(order.group).join({
  id: order.id,
  share: { partitions: PARTITIONS },
  metadata: { pid: process.pid },
})

const held = () => {
  const epochs = new Map<number, number>()
  for (const partition of membership.partitions) {
    const epoch = membership.epoch(partition)
    if (epoch !== undefined) epochs.set(partition, epoch)
  }
  return epochs
}
const ownership: Ownership = { held, token: (key) => membership.token(key) }

/** One round of the work: its folder has a list of files of its own, and logs. */
const begin = (folder: string) => {
  const lines = readFileSync(join(folder, 'files.ndjson'), 'utf8').trimEnd().split('\n')
  const files = lines.map((line) => JSON.parse(line) as string)
  const hasher = new Hasher({ ...order, folder }, files, ownership, tell)
  return { folder, hasher, over: hasher.run(over.signal) }
}
let round = begin(order.folder)

const release = (folder: string, files: number): void => {
  if (folder !== round.folder) {
    round.hasher.close()
    round = begin(folder)
  }
  round.hasher.release(files)
}

process.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'release':
      return release(message.folder, message.files)
    case 'finish':
      round.hasher.finish()
      return tell({ type: 'finished' })
    case 'leave':
      return over.abort()
  }
})
tell({ type: 'ready' })

while (!over.signal.aborted) await round.over
// It may have begun since.
await round.over
await caucus.close()
process.exit(0)
