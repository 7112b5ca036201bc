// QCluster's bare minimum, line by line: every peer asks whether it leads, and works only while it does.
//
// Started once for each configuration file: qcluster-minimum.ts server_a.json
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { QCluster, type QClusterConfiguration } from 'caucus/compat'

export const runMinimum = async (
  conf: QClusterConfiguration,
  { log = console.log, everyMs = 1_000, signal }: MinimumOptions = {},
): Promise<void> => {
  const { identifier } = conf
  const cluster = new QCluster(conf)
  try {
    while (!signal?.aborted) {
      if (cluster.isLeader()) {
        log('I am the leader!')
        log(`${identifier} is doing some work...`)
      } else {
        log('I am not the leader :(')
        log(`This is the leader: ${JSON.stringify(cluster.getLeaderInfo())}`)
      }
      await sleep(everyMs)
    }
  } finally {
    await cluster.stop()
  }
}

export interface MinimumOptions {
  readonly log?: (line: string) => void
  readonly everyMs?: number
  readonly signal?: AbortSignal
}

const [, script, file] = process.argv
if (file !== undefined && import.meta.url === new URL(`file://${script}`).href) {
  const over = new AbortController()
  process.once('SIGTERM', () => over.abort())
  await runMinimum(JSON.parse(readFileSync(file, 'utf8')), { signal: over.signal })
}
