import type { BackendFactory } from '../../ports/backend.ts'
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
    const [{ openRemote }, { systemSurroundings }] = await Promise.all([import('./backend.ts'), import('./system.ts')])
    return openRemote(checked, systemSurroundings, signal)
  }
}
