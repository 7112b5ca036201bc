import { spawnSync } from 'node:child_process'
import { findLibfaketime } from './fake-clock.ts'
import type { Need } from './needs.ts'

/** Why a command fails; `undefined` when it does not. */
const fault = (file: string, ...args: string[]): string | undefined => {
  const { status, error, stderr } = spawnSync(file, args, { encoding: 'utf8' })
  return status === 0 ? undefined : (error?.message ?? stderr.trim().split('\n').at(-1) ?? `exit ${status}`)
}

export const LIBFAKETIME: Need = {
  what: 'libfaketime, which sets the clocks of a process',
  howToGet: 'On Debian and Ubuntu: apt-get install faketime.',
  kind: 'tool',
  missing: () => (findLibfaketime() === undefined ? 'libfaketimeMT.so.1 is nowhere below /usr/lib' : undefined),
}

export const IP: Need = {
  what: 'the program ip, which makes networks',
  howToGet: 'On Debian and Ubuntu: apt-get install iproute2.',
  kind: 'tool',
  missing: () => fault('ip', '-Version'),
}

export const NAMESPACE_TOOLS: Need = {
  what: 'the programs unshare, nsenter and setpriv',
  howToGet: 'On Debian and Ubuntu: apt-get install util-linux.',
  kind: 'tool',
  missing: () =>
    ['unshare', 'nsenter', 'setpriv'].map((file) => fault(file, '--version')).find((each) => each !== undefined),
}

const TRIAL =
  'ip link add name port0 type veth peer name eth0 && ip link add name switch0 type bridge && ip link set port0 master switch0'

export const NAMESPACES: Need = {
  what: 'the right to make network namespaces with a switch in them',
  howToGet: 'Run as root, in a container with CAP_SYS_ADMIN and CAP_NET_ADMIN, on a kernel with veth and bridge.',
  kind: 'machine',
  missing: () => fault('unshare', '--net', 'sh', '-c', TRIAL),
}
