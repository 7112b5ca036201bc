import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import { CaucusError } from '../errors.ts'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

export const isLoopback = (address: string): boolean => {
  const version = isIP(address)
  return version !== 0 && loopback.check(address, version === 4 ? 'ipv4' : 'ipv6')
}

/** An address as it stands in a URL. */
export const inUrl = (host: string): string => (isIP(host) === 6 ? `[${host}]` : host)

/** The address that a name stands for. Decided once, so that what was judged is what is listened on. */
export const addressOf = async (host: string): Promise<string> => {
  if (isIP(host) !== 0) return host
  try {
    // In the order of the system, but a name of both kinds by the older one, which every client reaches.
    return (await lookup(host, { family: 4 }).catch(() => lookup(host))).address
  } catch (cause) {
    throw new CaucusError('CAUCUS_INVALID_CONFIG', `cannot listen on "${host}": nobody knows this name`, { cause })
  }
}

/** What went wrong on the way to listening, in words that say what to do. */
export const listenFault = (error: unknown, host: string, port: number): CaucusError => {
  const code = String((error as NodeJS.ErrnoException).code)
  const at = `${inUrl(host)}:${port}`
  const details = { host, port, system: code }
  const say = (ours: 'CAUCUS_CONFLICT' | 'CAUCUS_INVALID_CONFIG' | 'CAUCUS_BACKEND', message: string) =>
    new CaucusError(ours, message, { cause: error, details })
  switch (code) {
    case 'EADDRINUSE':
      return say('CAUCUS_CONFLICT', `another process listens on ${at} already; stop it, or listen on another port`)
    case 'EACCES':
      return say('CAUCUS_INVALID_CONFIG', `this user may not listen on ${at}; take a port above 1023`)
    case 'EADDRNOTAVAIL':
      return say('CAUCUS_INVALID_CONFIG', `cannot listen on ${at}: this machine has no such address`)
    default:
      return say('CAUCUS_BACKEND', `cannot listen on ${at}: the system says ${code}`)
  }
}
