import type { BackendFactory } from '../../ports/backend.ts'
import { systemClocks } from '../../runtime/system-clock.ts'
import { checkedRemote, type RemoteOptions } from './options.ts'

/**
 * A backend over one WebSocket to a caucus server, made again whenever it is lost. Of several servers, which must belong to one cluster,
 * one is used at a time. Throws `CAUCUS_INVALID_ARGUMENT`; `connect()` rejects with `CAUCUS_UNAVAILABLE` when none can be reached in
 * time, or with the servers' refusal when none would ever take us (`CAUCUS_UNAUTHORIZED`, `CAUCUS_PROTOCOL`).
 */
export const remote = (urls: string | readonly string[], options: RemoteOptions = {}): BackendFactory => {
  const checked = checkedRemote(urls, options)
  return async ({ signal }) => {
    signal?.throwIfAborted()
    // Only now: the schemas of the wire take longer to load than everything that runs in one process needs.
    const { RemoteBackend } = await import('./backend.ts')
    const backend = new RemoteBackend(checked, systemClocks)
    try {
      await backend.ready(checked.connectTimeoutMs, signal)
      return backend
    } catch (error) {
      await backend.close()
      throw error
    }
  }
}
