import { readFileSync } from 'node:fs'
import { type BackendFactory, remote } from '../index.ts'
import type { EtcdReach, Reach } from './coordination.ts'

/** Short leases, as far as etcd goes: what one machine can keep, and a demo that does not consist of waiting. */
const ETCD_TIMING = {
  heartbeatMs: 400,
  leaseMs: 2_000,
  stopMarginMs: 100,
  settleMs: 100,
  settleCapMs: 2_000,
  reconnectMaxMs: 100,
  drainLimitMs: 2_000,
  staticGraceMs: 3_000,
}

/** The backend behind it. */
export const backendFor = async (reach: Reach): Promise<BackendFactory> => {
  if (reach.type === 'servers') return remote(reach.urls)
  // Only now: whoever has none need not have its package.
  const { etcd } = await import('../etcd.ts')
  const { endpoints, prefix } = reach
  // Nobody holds anything from before this run: its prefix is its own.
  return etcd({ urls: endpoints, prefix, timing: ETCD_TIMING, fresh: true, ...credentialsOf(reach) })
}

/** What stands in the files that are named. */
export const credentialsOf = ({ user, passwordFile, tls }: EtcdReach) => {
  const pem = (file: string | undefined) => (file === undefined ? undefined : readFileSync(file))
  const [ca, cert, key] = [pem(tls?.ca), pem(tls?.cert), pem(tls?.key)]
  const [password] = passwordFile === undefined ? [] : readFileSync(passwordFile, 'utf8').split(/\r?\n/)
  return {
    ...(user !== undefined && password !== undefined && { user, password }),
    ...(tls !== undefined && { tls: { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) } }),
  }
}
