import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { Readable } from 'node:stream'
import { createSecureContext } from 'node:tls'
import { UsageError } from './errors.ts'
import { type ServerSettings, serversOf } from './options.ts'
import { readBytes } from './read-file.ts'

/** PEM: who may have signed the server's certificate, and this client's own. */
export interface ClientTls {
  readonly ca?: Buffer
  readonly cert?: Buffer
  readonly key?: Buffer
}

/** What the command line names for servers with TLS; undefined when nothing. */
export const tlsOf = (settings: ServerSettings): ClientTls | undefined => {
  const tls = pemOf(settings)
  if (tls === undefined) return undefined
  const plain = serversOf(settings).find((url) => !url.startsWith('https:'))
  if (plain !== undefined) throw new UsageError(`--tls-… is for https:// servers, and ${plain} is none`)
  return tls
}

/** What stands in the files that it names; undefined when it names none. */
export const pemOf = ({ tlsCa, tlsCert, tlsKey }: ServerSettings): ClientTls | undefined => {
  if (tlsCa === undefined && tlsCert === undefined && tlsKey === undefined) return undefined
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new UsageError('--tls-cert and --tls-key go together; give both')
  }
  const tls = {
    ...(tlsCa !== undefined && { ca: readBytes(tlsCa, '--tls-ca') }),
    ...(tlsCert !== undefined && { cert: readBytes(tlsCert, '--tls-cert') }),
    ...(tlsKey !== undefined && { key: readBytes(tlsKey, '--tls-key') }),
  }
  try {
    createSecureContext(tls)
  } catch (error) {
    throw new UsageError(`--tls-ca, --tls-cert, --tls-key: ${error instanceof Error ? error.message : error}`)
  }
  return tls
}

interface FetchOptions {
  readonly method: string
  readonly body?: string
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  readonly tls: ClientTls
}

/** As `fetch`, which takes no certificates of one's own. */
export const fetchWith = (url: string, { method, headers, body, signal, tls }: FetchOptions): Promise<Response> =>
  new Promise((resolve, reject) => {
    const sent = request(url, { ...tls, method, headers, signal, agent: false }, (answer) =>
      resolve(responseOf(answer)),
    )
    sent.on('error', reject)
    sent.end(body)
  })

const responseOf = (answer: IncomingMessage): Response => {
  const headers = Object.entries(answer.headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as [string, string]],
  )
  const status = answer.statusCode ?? 502
  const isEmpty = status === 204 || status === 304
  const body = isEmpty ? null : (Readable.toWeb(answer) as ReadableStream<Uint8Array>)
  return new Response(body, { status, headers })
}
