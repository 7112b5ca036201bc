import { remote, timing } from '../../dist/index.js'

/**
 * What a process of a benchmark is told to connect to: URLs of a server of ours, or `{ kind, urls, … }` as JSON, with what `etcd()` takes
 * besides.
 */
export const backendOf = async (spec) => {
  if (!spec.startsWith('{')) return remote(spec.split(','), { timing: timing.local })
  const { kind, urls, ...options } = JSON.parse(spec)
  if (kind === 'remote') return remote(urls, options)
  const { etcd } = await import('../../dist/etcd.js')
  return etcd({ urls, ...options })
}
