// Loaded into a server before its own code (node --import): tells how much memory it uses when asked to.
import { collect } from './garbage.mjs'

/** Memory as it stands, and what of the heap is left once all garbage is gone. */
const sample = () => {
  const { rss } = process.memoryUsage()
  collect()
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  return { rss, heapUsed, external, arrayBuffers }
}

process.on('message', () => process.send(sample()))
// The server decides when it ends, not the probe.
process.channel?.unref()
