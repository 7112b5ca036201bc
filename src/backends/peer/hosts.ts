import { isIP } from 'node:net'

export const urlOf = ({ host, port }: { readonly host: string; readonly port: number }, secure: boolean): string =>
  `${secure ? 'https' : 'http'}://${inUrl(host)}:${port}`

/** As a URL has it. */
export const inUrl = (host: string): string => (host.includes(':') ? `[${host}]` : host)

/**
 * Where somebody can be reached who says that it listens at `said`, and was met at `seen`. What it listens at may be every address of its
 * machine, or one that means another machine here.
 */
export const reachableHost = (said: string, seen: string): string => {
  const met = seen.replace(/^::ffff:(?=\d+\.)/i, '')
  if (isIP(met) === 0) return said
  return isAny(said) || (isLoopback(said) && !isLoopback(met)) ? met : said
}

const isAny = (host: string): boolean => host === '0.0.0.0' || host === '::'

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127\./.test(host)
