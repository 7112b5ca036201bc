/** The longest host name, in characters: what DNS allows. */
export const MAX_HOST_LENGTH = 253
export const MAX_PORT = 65_535

const RULE = 'give a host name, an IPv4 address, or an IPv6 address without brackets'
/** A label of DNS, or with underscores as containers are named. */
const LABEL = /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/
const HEX = /^[0-9A-Fa-f]{1,4}$/
const OCTET = /^(?:0|[1-9][0-9]{0,2})$/

/** Says what is wrong with the host of an address, or `undefined` when others could connect to it. Looks nothing up. */
export const hostFault = (host: unknown): string | undefined => {
  if (typeof host !== 'string') return `host must be a string, not ${host === null ? 'null' : typeof host}; ${RULE}`
  if (host === '') return `host is empty; ${RULE}`
  if (host.length > MAX_HOST_LENGTH) return `host is longer than ${MAX_HOST_LENGTH} characters; ${RULE}`
  if (host.startsWith('[')) return `host has brackets; ${RULE}`
  if (host.includes(':')) return ipv6Fault(host)
  const labels = (host.endsWith('.') ? host.slice(0, -1) : host).split('.')
  if (!labels.every((label) => LABEL.test(label))) return `host is neither a host name nor an address; ${RULE}`
  // No name ends in a label of digits alone (RFC 3696): it is meant to be an address.
  if (!/^[0-9]+$/.test(labels.at(-1) ?? '')) return undefined
  if (!isIPv4(host)) return `host is not an IPv4 address, though it looks like one; ${RULE}`
  return host === '0.0.0.0' ? unspecified : undefined
}

/** Says what is wrong with the port of an address, or `undefined` when there can be one. */
export const portFault = (port: unknown): string | undefined =>
  typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= MAX_PORT
    ? undefined
    : `port must be a whole number from 1 to ${MAX_PORT}, the one that was really bound`

const unspecified =
  'host is the address on which one listens everywhere, and nobody can connect to it; give the one that others use'

const ipv6Fault = (host: string): string | undefined => {
  if (host.includes('%')) return `host has a zone, which means something on one machine only; ${RULE}`
  const groups = groupsOf(host)
  if (groups === undefined) return `host is not an IPv6 address; a port is given by itself; ${RULE}`
  return groups.every((group) => /^0*$/.test(group)) ? unspecified : undefined
}

/** The parts between the colons that say something, if it is an address. */
const groupsOf = (host: string): readonly string[] | undefined => {
  const halves = host.split('::')
  if (halves.length > 2) return undefined
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')))
  const last = groups.at(-1) ?? ''
  const embedded = last.includes('.')
  // An IPv4 address may stand for the last two groups.
  if (embedded && (!isIPv4(last) || !host.endsWith(last))) return undefined
  const plain = embedded ? groups.slice(0, -1) : groups
  if (!plain.every((group) => HEX.test(group))) return undefined
  const count = plain.length + (embedded ? 2 : 0)
  return (halves.length === 2 ? count < 8 : count === 8) ? groups : undefined
}

const isIPv4 = (host: string): boolean => {
  const parts = host.split('.')
  return parts.length === 4 && parts.every((part) => OCTET.test(part) && Number(part) <= 255)
}
