import type { PeerMessage } from '../../core/election/messages.ts'
import { idFault } from '../../core/ids.ts'
import { metadataFault } from '../faults.ts'
import { type Check, compile, parseJson, quoted } from '../validate.ts'
import { MAX_PEER_FRAME_LENGTH, MAX_PEER_MESSAGES } from './limits.ts'
import { PEER_MESSAGES, type PeerGreeting, PeerHello } from './schemas.ts'

/** Where a peer takes connections of other peers. */
export const PEER_PATH = '/v1/peer'
/** What peers speak, newest first. */
export const PEER_SUBPROTOCOLS: readonly string[] = ['caucus.peer.v1']

export const encodeGreeting = (greeting: PeerGreeting): string => JSON.stringify([{ type: 'hello', ...greeting }])

export const encodePeerMessages = (messages: readonly PeerMessage[]): string => JSON.stringify(messages)

/** Who says hello in a connection's first frame; or, as a string, what is wrong with it. */
export const decodeGreeting = (text: string): PeerGreeting | string => {
  const frame = framed(text)
  if (typeof frame === 'string') return frame
  const [first, ...rest] = frame
  if (rest.length > 0) return 'the first frame has more than a hello'
  const fault = helloFault(first)
  if (fault !== undefined) return `the hello: ${fault}`
  const { cluster, id, bootId, metadata } = first as PeerGreeting
  return (
    idFault(cluster, 'the cluster of the hello') ??
    idFault(id, 'the identifier of the hello') ??
    idFault(bootId, 'the boot id of the hello') ??
    metadataFault(metadata) ?? { cluster, id, bootId, ...(metadata !== undefined && { metadata }) }
  )
}

/**
 * The messages of a frame, all of them sound and of whoever said hello; or, as a string, what is wrong with it. Nothing of a frame is taken
 * of which anything is wrong.
 */
export const decodePeerMessages = (text: string, { id, bootId }: PeerGreeting): readonly PeerMessage[] | string => {
  const frame = framed(text)
  if (typeof frame === 'string') return frame
  const messages: PeerMessage[] = []
  for (const [index, message] of frame.entries()) {
    const type = typeOf(message)
    const check = CHECKS.get(type)
    if (check === undefined) return `message ${index + 1} has the unknown type ${quoted(type)}`
    const fault = check(message)
    if (fault !== undefined) return `message ${index + 1} (${quoted(type)}): ${fault}`
    const sound = message as PeerMessage
    if (sound.sender.id !== id || sound.sender.bootId !== bootId)
      return `message ${index + 1} (${quoted(type)}) is of another sender than the hello`
    messages.push(sound)
  }
  return messages
}

const helloFault = compile(PeerHello)

const CHECKS: ReadonlyMap<unknown, Check> = new Map(
  Object.entries(PEER_MESSAGES).map(([type, schema]) => [type, compile(schema)]),
)

const framed = (text: string): readonly unknown[] | string => {
  if (text.length > MAX_PEER_FRAME_LENGTH) return `the frame is longer than ${MAX_PEER_FRAME_LENGTH} characters`
  const json = parseJson(text)
  if (typeof json === 'string') return `the frame ${json}`
  const { value } = json
  if (!Array.isArray(value)) return 'the frame is not an array of messages'
  if (value.length > MAX_PEER_MESSAGES) return `the frame has ${value.length} messages; at most ${MAX_PEER_MESSAGES}`
  return value
}

const typeOf = (message: unknown): unknown =>
  typeof message === 'object' && message !== null && 'type' in message ? message.type : undefined
