import type { Boot as CoreBoot } from '../../core/election/messages.ts'
import type { TetherAddresses } from '../../core/election/tethers.ts'
import { MAX_TEXT_LENGTH } from '../limits.ts'
import * as Type from '../type.ts'
import { compile, parseJson } from '../validate.ts'
import { Boot } from './schemas.ts'

/** Where a peer takes tethers. */
export const TETHER_PATH = '/v1/tether'
/** What such a connection is upgraded to. */
export const TETHER_UPGRADE = 'caucus-tether'
/** In this header each side says hello. Nothing else is ever said. */
export const TETHER_HEADER = 'caucus-tether'

/** Who is at one end of a tether, and what it sees of the connection. */
export interface TetherHello extends TetherAddresses {
  readonly id: string
  readonly from: CoreBoot
  readonly to: CoreBoot
  /** That it knows what was said on the peers' link. */
  readonly proof: string
}

const Text = Type.String({ minLength: 1, maxLength: MAX_TEXT_LENGTH })
const fault = compile(
  Type.Object(
    { id: Text, from: Boot, to: Boot, proof: Text, local: Text, remote: Text },
    { additionalProperties: false },
  ),
)

export const encodeTetherHello = (hello: TetherHello): string => encodeURIComponent(JSON.stringify(hello))

/** What somebody said, or as a string what is wrong with it. */
export const decodeTetherHello = (header: string): TetherHello | string => {
  let text: string
  try {
    text = decodeURIComponent(header)
  } catch {
    // A stray percent sign: what it throws says no more than that.
    return 'the hello of the tether is not encoded as part of a URL'
  }
  const json = parseJson(text)
  if (typeof json === 'string') return `the hello of the tether ${json}`
  const wrong = fault(json.value)
  return wrong === undefined ? (json.value as TetherHello) : `the hello of the tether: ${wrong}`
}

interface SocketAddresses {
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
}

/** Both addresses of a connection, or `undefined` when it is gone already. */
export const addressesOf = (socket: SocketAddresses): TetherAddresses | undefined => {
  const { localAddress, localPort, remoteAddress, remotePort } = socket
  if (localAddress === undefined || remoteAddress === undefined) return undefined
  return { local: `${plain(localAddress)} ${localPort}`, remote: `${plain(remoteAddress)} ${remotePort}` }
}

/** The same address is written otherwise where one side listens for both kinds. */
const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '')
