import { randomUUID } from 'node:crypto'
import { timing as presets, type Timing } from '../../src/config/timing.ts'
import type { FoundationStore } from '../../src/ports/store.ts'
import { hostCoordinator } from '../../src/runtime/coordinator-host.ts'
import { systemClocks } from '../../src/runtime/system-clock.ts'
import { listen } from '../../src/server/listen.ts'
import { memoryStore } from '../../src/stores/memory-store.ts'

/** As quick as on one machine, but for leases that outlast what a busy one adds to a restart. */
export const TIMING: Timing = { ...presets.local, leaseMs: 3_000, staticGraceMs: 9_000 }

export interface ServerOptions {
  readonly port?: number
  /** A store that comes back after a restart. */
  readonly store?: FoundationStore
  readonly clusterId?: string
  readonly token?: string
  readonly fresh?: boolean
  /** Of groups that say nothing else. Default: `TIMING`. */
  readonly timing?: Timing
}

/** A real server on loopback, with short leases. */
export const serve = async ({
  port = 0,
  store = memoryStore(),
  clusterId,
  token,
  fresh = true,
  timing = TIMING,
}: ServerOptions = {}) => {
  const hosting = await hostCoordinator({
    clock: systemClocks.grantor,
    wallMs: Date.now,
    store,
    clusterId: clusterId ?? randomUUID(),
    defaults: timing,
    fresh,
    limits: { groups: 100, membersPerGroup: 100 },
    onFault: (error) => {
      throw error
    },
  })
  const server = await listen({ hosting, port, version: '0.0.0', ...(token !== undefined && { token }) })
  return {
    url: server.url,
    port: server.port,
    hosting,
    /** As SIGKILL would: nobody is told anything. */
    kill: async () => {
      await Promise.all([server.close({ drain: false }), hosting.close()])
    },
    close: async () => {
      await server.close()
      await hosting.close()
    },
  }
}
