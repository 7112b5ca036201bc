import type { IncomingMessage } from 'node:http'
import type { PeerAddressed, PeerCredentials } from '../../ports/peers.ts'
import { CONNECTION_HEADERS } from '../../wire/connection-headers.ts'
import { FORWARDED_HEADER } from '../access/forwarded.ts'
import { inUrl } from '../address.ts'

/** What was between the client and this peer: who it is and from which page it comes is found out, and `Expect` is answered by Node. */
const OF_THE_CLIENT: ReadonlySet<string> = new Set(['host', 'authorization', 'origin', 'expect', FORWARDED_HEADER])

const NOTHING: ReadonlySet<string> = new Set()

/** Names and values by turns, as they came and in their order, without those of a connection and those left out. */
const carried = (rawHeaders: readonly string[], leftOut = NOTHING): string[] => {
  const named = connectionNamesIn(rawHeaders)
  const headers: string[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    const key = name.toLowerCase()
    if (CONNECTION_HEADERS.has(key) || leftOut.has(key) || named.has(key)) continue
    headers.push(name, rawHeaders[i + 1] ?? '')
  }
  return headers
}

/** Those that `Connection` names are of the connection too; how long the body is, is not for it to say. */
const connectionNamesIn = (rawHeaders: readonly string[]): ReadonlySet<string> => {
  let names: Set<string> | undefined
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() !== 'connection') continue
    for (const name of (rawHeaders[i + 1] ?? '').split(',')) {
      const key = name.trim().toLowerCase()
      if (key !== 'content-length') names = (names ?? new Set()).add(key)
    }
  }
  return names ?? NOTHING
}

/** Of an answer, as its reader gets it. */
export const headersBack = ({ rawHeaders }: IncomingMessage): string[] => carried(rawHeaders)

/** Of a request to the peer: what the client sent, whose it is, and this peer's own credentials. */
const headersOn = (
  { rawHeaders }: IncomingMessage,
  to: PeerAddressed,
  { token }: PeerCredentials,
  forwarded: string,
): string[] => {
  const headers = carried(rawHeaders, OF_THE_CLIENT)
  headers.push('Host', `${inUrl(to.host)}:${to.port}`, FORWARDED_HEADER, forwarded)
  if (token !== undefined) headers.push('Authorization', `Bearer ${token}`)
  return headers
}

/** Its body is framed as the client framed it: left to Node, one in pieces behind `DELETE` would run on into the next request. */
export const requestHeaders = (...parts: Parameters<typeof headersOn>): string[] => {
  const [{ headers: given, method }] = parts
  const headers = headersOn(...parts)
  if (given['transfer-encoding'] !== undefined) headers.push('Transfer-Encoding', 'chunked')
  else if (given['content-length'] === undefined && !WITHOUT_A_BODY.has(method)) headers.push('Content-Length', '0')
  return headers
}

export const upgradeHeaders = (...parts: Parameters<typeof headersOn>): string[] => [
  ...headersOn(...parts),
  'Connection',
  'Upgrade',
  'Upgrade',
  'websocket',
]

const WITHOUT_A_BODY: ReadonlySet<string | undefined> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS'])

export const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
