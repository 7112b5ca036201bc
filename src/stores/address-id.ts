import { createHash, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'

/**
 * The instance id of a server without a data directory: the same for every start on this machine and address, so that members find
 * their server again after a restart. Any free port (0) is nobody's address, and gives a random one.
 */
export const addressInstanceId = (host: string, port: number, machine: string = machineId()): string => {
  if (port === 0) return randomUUID()
  const digest = createHash('sha256')
    .update(JSON.stringify([machine, hostname(), host.toLowerCase(), port]))
    .digest('hex')
  return `address-${digest.slice(0, 32)}`
}

/**
 * The instance id of a cluster of voters without data directories: the same for every start, and for whichever of them leads, so that members
 * find their cluster again once all of its voters were down. `voters` is the identity of their list.
 */
export const clusterInstanceId = (cluster: string, voters: string): string => {
  const digest = createHash('sha256')
    .update(JSON.stringify([cluster, voters]))
    .digest('hex')
  return `cluster-${digest.slice(0, 32)}`
}

/** Machines may share a host name, but not this; empty where there is none. */
const machineId = (): string => {
  try {
    return readFileSync('/etc/machine-id', 'utf8').trim()
  } catch {
    // Not every system has one, or lets everybody read it.
    return ''
  }
}
