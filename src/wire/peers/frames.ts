import type { PeerMessage } from '../../core/election/messages.ts'
import { idFault } from '../../core/ids.ts'
import type { Charter, Entry, ReplicaMessage } from '../../core/replication/messages.ts'
import { metadataFault } from '../faults.ts'
import { compile, type LazyCheck, parseJson, quoted } from '../validate.ts'
import { MAX_CHARTER_BYTES, MAX_OBSERVER_METADATA_BYTES, MAX_PEER_FRAME_LENGTH, MAX_PEER_MESSAGES } from './limits.ts'
import { REPLICA_MESSAGES } from './replica-schemas.ts'
import { PEER_MESSAGES, type PeerGreeting, PeerHello } from './schemas.ts'

/** What peers say to each other: about who leads, and about what a leader must find again. */
export type LinkMessage = PeerMessage | ReplicaMessage

/** Where a peer takes connections of other peers. */
export const PEER_PATH = '/v1/peer'
/** What peers speak, newest first. */
export const PEER_SUBPROTOCOLS: readonly string[] = ['caucus.peer.v1']

export const encodeGreeting = (greeting: PeerGreeting): string => JSON.stringify([{ type: 'hello', ...greeting }])

export const encodePeerMessages = (messages: readonly PeerMessage[]): string => JSON.stringify(messages)

/** A frame for one message about the charter. What is the same for every peer is put into words once, however often it is said. */
export const encodeReplicaMessage = (message: ReplicaMessage): string => {
  if (!('entry' in message) || message.entry === undefined) return JSON.stringify([message])
  const { entry, ...rest } = message
  return `[${JSON.stringify(rest).slice(0, -1)},"entry":${wordsOf(entry)}}]`
}

const words = new WeakMap<Entry, string>()

const wordsOf = (entry: Entry): string => {
  const known = words.get(entry)
  if (known !== undefined) return known
  const text = JSON.stringify(entry)
  words.set(entry, text)
  return text
}

export const isReplicaMessage = (message: LinkMessage): message is ReplicaMessage =>
  Object.hasOwn(REPLICA_MESSAGES, message.type)

/** Says what is wrong with the length of a charter, or `undefined`. */
export const charterFault = (charter: Charter): string | undefined => {
  const bytes = new TextEncoder().encode(JSON.stringify(charter)).length
  if (bytes <= MAX_CHARTER_BYTES) return undefined
  return `what every peer must find again would take ${bytes} bytes, and at most ${MAX_CHARTER_BYTES} are kept`
}

/** Who says hello in a connection's first frame; or, as a string, what is wrong with it. */
export const decodeGreeting = (text: string): PeerGreeting | string => {
  const frame = framed(text)
  if (typeof frame === 'string') return frame
  const [first, ...rest] = frame
  if (rest.length > 0) return 'the first frame has more than a hello'
  const fault = helloFault(first)
  if (fault !== undefined) return `the hello: ${fault}`
  const { cluster, id, bootId, metadata, observer, tether } = first as PeerGreeting
  return (
    idFault(cluster, 'the cluster of the hello') ??
    idFault(id, 'the identifier of the hello') ??
    idFault(bootId, 'the boot id of the hello') ??
    (observer === undefined ? metadataFault(metadata) : observerMetadataFault(metadata)) ?? {
      cluster,
      id,
      bootId,
      ...(metadata !== undefined && { metadata }),
      ...(observer !== undefined && { observer }),
      ...(tether !== undefined && { tether }),
    }
  )
}

/** Says what is wrong with what an observer says about itself, or `undefined`. */
export const observerMetadataFault = (metadata: unknown): string | undefined => {
  const fault = metadataFault(metadata)
  if (fault !== undefined || metadata === undefined) return fault
  const bytes = new TextEncoder().encode(JSON.stringify(metadata)).length
  if (bytes <= MAX_OBSERVER_METADATA_BYTES) return undefined
  return `the metadata of an observer takes ${bytes} bytes as JSON; at most ${MAX_OBSERVER_METADATA_BYTES}`
}

/**
 * The messages of a frame, all of them sound and of whoever said hello; or, as a string, what is wrong with it. Nothing of a frame is taken
 * of which anything is wrong.
 */
export const decodePeerMessages = (text: string, { id, bootId }: PeerGreeting): readonly LinkMessage[] | string => {
  const frame = framed(text)
  if (typeof frame === 'string') return frame
  const messages: LinkMessage[] = []
  for (const [index, message] of frame.entries()) {
    const type = typeOf(message)
    const check = CHECKS.get(type)
    if (check === undefined) return `message ${index + 1} has the unknown type ${quoted(type)}`
    const fault = check(message)
    if (fault !== undefined) return `message ${index + 1} (${quoted(type)}): ${fault}`
    const sound = message as LinkMessage
    if (sound.sender.id !== id || sound.sender.bootId !== bootId)
      return `message ${index + 1} (${quoted(type)}) is of another sender than the hello`
    messages.push(sound)
  }
  return messages
}

const helloFault = compile(PeerHello)

const CHECKS: ReadonlyMap<unknown, LazyCheck> = new Map(
  Object.entries({ ...PEER_MESSAGES, ...REPLICA_MESSAGES }).map(([type, schema]) => [type, compile(schema)]),
)

/** Makes ready what frames are checked with: in an election nobody should wait for it. */
export const prepareFrames = (): void => {
  for (const check of [helloFault, ...CHECKS.values()]) check.prepare()
}

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
