import { hostname } from 'node:os'
import process from 'node:process'
import { CaucusError } from '../../errors.ts'
import type { BackendFactory } from '../../ports/backend.ts'
import type { Engine } from './engine.ts'
import { checkedEngine, type EngineOptions } from './etcd3/options.ts'
import { type EtcdOptions, type SoundEtcd, soundEtcd } from './options.ts'

/**
 * Groups, elections, runs and services on etcd, with no server of ours: the processes that have joined something elect one of them, which
 * coordinates (docs/etcd.md). Needs the package `etcd3`.
 *
 * Throws `CAUCUS_INVALID_ARGUMENT`, or `CAUCUS_INVALID_CONFIG` for timing that is not safe, as a lease below 2 s. `connect()` rejects with
 * `CAUCUS_UNAVAILABLE` when no member of etcd can be reached in time, `CAUCUS_UNAUTHORIZED` when etcd does not take the user, `CAUCUS_INVALID_CONFIG`
 * when it takes fewer than 128 operations in a transaction or the package is missing, and `CAUCUS_CONFLICT` where somebody coordinates below `tokensAbove`.
 */
export const etcd = (options: string | readonly string[] | EtcdOptions): BackendFactory => {
  const sound = soundEtcd(options)
  const engineOptions = engineOptionsOf(sound)
  // Now, and not when somebody connects: what is wrong with an address or a certificate is told to whoever wrote it.
  checkedEngine(engineOptions)
  return async ({ signal }) => {
    signal?.throwIfAborted()
    const [engine, { openOn }] = await Promise.all([open(engineOptions), import('./backend.ts')])
    const around = {
      engine,
      random: () => Math.random(),
      wallMs: () => Date.now(),
      process: `${hostname()}/${process.pid}/${sound.newId()}`,
    }
    return openOn(sound, around, signal)
  }
}

const engineOptionsOf = ({ urls, tls, user, password, requestMs, clocks }: SoundEtcd): EngineOptions => ({
  endpoints: urls,
  requestMs,
  clock: clocks.grantor,
  ...(tls !== undefined && { tls }),
  ...(user !== undefined && { user }),
  ...(password !== undefined && { password }),
})

/** The client is loaded by whoever uses it: it is not among the dependencies of this package. */
const open = async (options: EngineOptions): Promise<Engine> => {
  try {
    const { openEngine } = await import('./etcd3/index.ts')
    return openEngine(options)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new CaucusError('CAUCUS_INVALID_CONFIG', 'etcd() needs the package etcd3: npm install etcd3', {
      cause: error,
    })
  }
}
