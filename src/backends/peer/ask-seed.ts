import { type IncomingMessage, type RequestOptions, request } from 'node:http'
import { request as secureRequest } from 'node:https'
import { isIP } from 'node:net'
import type { Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { TlsOptions } from '../../ports/socket.ts'
import { PEERS_PATH } from '../../wire/peers/voters.ts'
import type { SeedAddress } from './seeds.ts'

/** What a seed answers when it is asked who the voters are. Rejects with why it does not. */
export interface SeedAsked {
  readonly answer: Promise<string>
  /** Ends it now. */
  end(): void
}

export type AskSeed = (seed: SeedAddress) => SeedAsked

const ANSWER_MS: Millis = 3_000
/** A thousand observers with everything that they may say about themselves take a quarter of it. */
const MAX_ANSWER_BYTES = 8 * 2 ** 20

/** Asks over HTTP, with what peers show each other. Follows nobody anywhere else: the token is for whom the operator has named. */
export const seedAsker =
  ({
    token,
    tls,
    clock,
  }: {
    readonly token: string | undefined
    readonly tls: TlsOptions | undefined
    clock: Clock
  }): AskSeed =>
  ({ host, port, name }) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const options: RequestOptions = { host, port, path: PEERS_PATH, headers, agent: false }
    const servername = name ?? (isIP(host) === 0 ? host : undefined)
    const asked =
      tls === undefined
        ? request(options)
        : secureRequest({ ...options, ...tls, ...(servername !== undefined && { servername }) })
    const answer = new Promise<string>((resolve, reject) => {
      const ended = () => reject(new CaucusError('CAUCUS_CONNECTION_LOST', 'it ended without an answer'))
      asked.once('response', (response) => {
        // From here on the reader of the body is told.
        asked.off('close', ended)
        bodyOf(response).then(resolve, reject)
      })
      asked.on('error', reject)
      asked.once('close', ended)
    })
    const late = () => asked.destroy(new CaucusError('CAUCUS_TIMEOUT', `has not answered within ${ANSWER_MS} ms`))
    const limit = clock.setTimer(clock.now() + ANSWER_MS, late, { ref: false })
    asked.end()
    const end = () => {
      limit.clear()
      asked.destroy()
    }
    return { answer: answer.finally(end), end }
  }

const bodyOf = async (response: IncomingMessage): Promise<string> => {
  const { statusCode = 0 } = response
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > MAX_ANSWER_BYTES)
      throw new CaucusError('CAUCUS_TOO_LARGE', `its answer is longer than ${MAX_ANSWER_BYTES} bytes; is it a peer?`)
    parts.push(part)
  }
  if (statusCode === 200) return Buffer.concat(parts).toString('utf8')
  const said = Buffer.concat(parts).toString('utf8', 0, 300)
  if (statusCode === 404)
    throw new CaucusError('CAUCUS_NOT_FOUND', 'no peer of a cluster runs there; is it a plain server?')
  throw new CaucusError('CAUCUS_PROTOCOL', `it answered with ${statusCode}: ${said.replaceAll(/[^\x20-\x7e]/g, '?')}`)
}
