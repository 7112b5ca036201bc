import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { CaucusError } from '../../errors.ts'
import { refusalOf } from '../../transports/websocket.ts'
import { failureOf } from './failure.ts'
import type { GetOptions } from './surroundings.ts'

/** The longest answer that is read. */
const MAX_ANSWER_BYTES = 64 * 2 ** 20

/**
 * Resolves with an answer of status 200 whose text is still to be read. Node's own client and not `fetch`, which takes no certificates.
 * Rejects with the server's error, `CAUCUS_UNAVAILABLE` when there is none, or the signal's reason.
 */
export const get = async (url: string, options: GetOptions): Promise<IncomingMessage> => {
  const { token, tls, headers, signal, silenceMs } = options
  signal?.throwIfAborted()
  const open = url.startsWith('https:') ? httpsRequest : httpRequest
  const request = open(url, {
    ...tls,
    agent: false,
    headers: { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
  })
  const abort = () => void request.destroy()
  signal?.addEventListener('abort', abort, { once: true })
  request.once('close', () => signal?.removeEventListener('abort', abort))
  request.setTimeout(silenceMs, () => request.destroy(new Error(`nothing was heard for ${silenceMs} ms`)))
  try {
    const response = await answerTo(request)
    response.setEncoding('utf8')
    if (response.statusCode === 200) return response
    throw refusalOf(url, response.statusCode ?? 0, await textOf(response))
  } catch (error) {
    throw failureOf(url, error, signal)
  }
}

/** Resolves with the JSON that is at `url`. */
export const getJson = async (url: string, options: GetOptions): Promise<unknown> => {
  const response = await get(url, options)
  try {
    return JSON.parse(await textOf(response))
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw failureOf(url, error, options.signal)
    throw new CaucusError('CAUCUS_PROTOCOL', `${url} did not answer with JSON; is it a caucus server?`)
  }
}

const answerTo = (request: ClientRequest): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    request.once('response', resolve)
    // For the life of the request: one that fails after its answer began must not end as an unhandled error.
    request.on('error', reject)
    request.once('close', () => reject(new Error('the connection was closed before the answer')))
    request.end()
  })

const textOf = async (response: IncomingMessage): Promise<string> => {
  let text = ''
  for await (const chunk of response) {
    text += chunk as string
    if (text.length > MAX_ANSWER_BYTES) {
      response.destroy()
      throw new CaucusError('CAUCUS_TOO_LARGE', `the answer is longer than ${MAX_ANSWER_BYTES} bytes`)
    }
  }
  return text
}
