// A fence for what is written over HTTP: a resource whose ETag carries the token of whoever wrote it last, and a writer that says with `If-Match`
// what it has seen.
//
// The ETag is "TOKEN.VERSION". A write names the ETag that the writer saw and, as `Fencing-Token`, the token of its own tenure or share. It is
// refused with 412 when the resource has changed since, and when its token is lower than the one that has written: so a leader that slept through
// its lease changes nothing any more, neither with what it read before nor with what it reads on waking.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { CaucusError } from 'caucus'

interface Resource {
  readonly token: number
  readonly version: number
  readonly body: string
}

const etagOf = ({ token, version }: Resource): string => `"${token}.${version}"`

/** The server: resources in memory, each by its path. What compares and what writes is one step; in a database it is one transaction. */
export const serveFenced = (): Server => {
  const resources = new Map<string, Resource>()
  return createServer((request, response) => {
    const path = request.url ?? '/'
    if (request.method === 'GET') return read(resources.get(path), response)
    if (request.method !== 'PUT') return refuse(response, 405, 'CAUCUS_METHOD_NOT_ALLOWED', 'this takes GET and PUT')
    let body = ''
    request.setEncoding('utf8').on('data', (part: string) => {
      body += part
    })
    request.on('end', () => write(resources, path, body, request, response))
  })
}

const read = (resource: Resource | undefined, response: ServerResponse): void => {
  if (resource === undefined) return refuse(response, 404, 'CAUCUS_NOT_FOUND', 'there is nothing here yet')
  response.writeHead(200, { etag: etagOf(resource) }).end(resource.body)
}

const write = (
  resources: Map<string, Resource>,
  path: string,
  body: string,
  { headers }: IncomingMessage,
  response: ServerResponse,
): void => {
  const before = resources.get(path)
  const token = tokenOf(headers['fencing-token'])
  const seen = headers['if-match']
  const isNew = headers['if-none-match'] === '*'
  if (token === undefined) {
    return refuse(response, 400, 'CAUCUS_INVALID_ARGUMENT', 'Fencing-Token has to be a whole number from 1 to 2^53-1')
  }
  if (seen === undefined && !isNew) {
    const message = 'say what you have seen with If-Match, or that it has to be new with If-None-Match: *'
    return refuse(response, 428, 'CAUCUS_INVALID_ARGUMENT', message)
  }
  // First of all: whoever is fenced has to stop, and not to read again and try once more.
  if (before !== undefined && token < before.token) {
    return refuse(response, 412, 'CAUCUS_FENCED', `token ${token} is older than ${before.token}; stop writing`)
  }
  if (isNew ? before !== undefined : before === undefined || seen !== etagOf(before)) {
    return refuse(response, 412, 'CAUCUS_CONFLICT', 'it has changed since; read it again')
  }
  const after = { token, version: (before?.version ?? 0) + 1, body }
  resources.set(path, after)
  response.writeHead(204, { etag: etagOf(after) }).end()
}

const tokenOf = (header: string | string[] | undefined): number | undefined => {
  const token = typeof header === 'string' && /^[1-9]\d{0,15}$/.test(header) ? Number(header) : Number.NaN
  return Number.isSafeInteger(token) ? token : undefined
}

const refuse = (
  response: ServerResponse,
  status: number,
  code: ConstructorParameters<typeof CaucusError>[0],
  message: string,
): void => {
  const error = new CaucusError(code, message)
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error }))
}

/** A resource as one tenure sees it: what it reads and then writes. */
export class FencedResource {
  readonly #url: string
  readonly #token: number
  #etag: string | undefined

  constructor(url: string, token: number) {
    this.#url = url
    this.#token = token
  }

  /** Resolves with what is there; `undefined` when nothing is. */
  async read(): Promise<string | undefined> {
    const answer = await fetch(this.#url)
    if (!answer.ok && answer.status !== 404) throw await errorOf(answer)
    this.#etag = answer.ok ? (answer.headers.get('etag') ?? undefined) : undefined
    return answer.ok ? answer.text() : undefined
  }

  /** Replaces what was read last. Rejects with `CAUCUS_FENCED` when somebody newer has written: stop; with `CAUCUS_CONFLICT`: read again. */
  async write(body: string): Promise<void> {
    const seen = this.#etag === undefined ? { 'if-none-match': '*' } : { 'if-match': this.#etag }
    const headers = { ...seen, 'fencing-token': String(this.#token) }
    const answer = await fetch(this.#url, { method: 'PUT', headers, body })
    if (!answer.ok) throw await errorOf(answer)
    this.#etag = answer.headers.get('etag') ?? undefined
  }
}

const errorOf = async (answer: Response): Promise<CaucusError> => {
  const { error } = (await answer.json()) as { error: Pick<CaucusError, 'code' | 'message'> }
  return new CaucusError(error.code, error.message)
}
