import { type LocalOptions, soundLocal } from './backends/local/options.ts'
import type { LocalServer } from './backends/local/serving.ts'
import type { BackendFactory } from './ports/backend.ts'

export type { LocalGroup, LocalOptions } from './backends/local/options.ts'

/**
 * A backend for the processes of one machine that need nothing else: the workers of Node's `cluster` or of PM2, or any that are started beside
 * each other. They find each other through a directory; one of them coordinates, and another one as soon as that one ends or stands still.
 *
 * Throws `CAUCUS_INVALID_CONFIG` that names everything that is wrong. `connect()` rejects with it when the directory is not this user's
 * alone, and with `CAUCUS_UNAVAILABLE` when nobody could be reached, nor serve, in time.
 */
export const local = (options: LocalOptions = {}): BackendFactory => {
  const sound = soundLocal(options)
  const { timing, connectTimeoutMs } = sound
  return async ({ signal }) => {
    signal?.throwIfAborted()
    // Only now: the schemas of the wire take longer to load than everything that runs in one process needs.
    const [{ openLocal }, { openRemote }, { systemSurroundings }] = await Promise.all([
      import('./backends/local/index.ts'),
      import('./backends/remote/backend.ts'),
      import('./backends/remote/system.ts'),
    ])
    return openLocal(sound, {
      parts: systemSurroundings,
      wallMs: () => Date.now(),
      server: loadServer,
      client: (url, parts) =>
        openRemote({ urls: [url], token: undefined, tls: undefined, timing, connectTimeoutMs }, parts, signal),
    })
  }
}

/** How long what is under way may take when this process ends: meanwhile nobody else coordinates. */
const DRAIN_MS = 1_000

/** By every process, since each may be the next one. */
const loadServer = async (): Promise<LocalServer> => {
  const [{ listen }, { Meter }, { readVersion }] = await Promise.all([
    import('./server/listen.ts'),
    import('./server/meter.ts'),
    import('./backends/peer/version.ts'),
  ])
  const meter = new Meter()
  return {
    telemetry: meter,
    listen: (hosting, token) =>
      listen({ hosting, token, port: 0, limits: { drainMs: DRAIN_MS }, version: readVersion(), meter }),
  }
}
