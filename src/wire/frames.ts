import { type CoordinatorMessage, type MemberMessage, PROTOCOL } from '../core/group/messages.ts'
import { bootIdFault, groupFault, holdingsFault, memberFault, metadataFault } from './faults.ts'
import { fieldsOf, onlyFields } from './fields.ts'
import { MAX_FRAME_BYTES, MAX_FRAME_MESSAGES } from './limits.ts'
import { Concluded, Hello, Leave, Left, type Message, Refused, Renew, ShareMessage } from './schemas.ts'
import type { TObject } from './type.ts'
import { toV1, V1 } from './v1.ts'
import { type Check, compile, parseJson, quoted } from './validate.ts'
import { helloFault, isSpoken, type Protocol } from './versions.ts'

/** Where a coordinator takes links. */
export const LINK_PATH = '/v1/link'

type AnyMessage = MemberMessage | CoordinatorMessage

/** All messages in one frame. Whoever may have too many or too long ones takes `encodeFrames`. */
export const encodeFrame = (messages: readonly AnyMessage[]): string => JSON.stringify(messages)

/** A character takes at most three bytes of UTF-8. */
const MAX_FRAME_LENGTH = Math.floor(MAX_FRAME_BYTES / 3)

/** All messages in as few frames as the limits allow, in order, as the peer's version has them. */
export const encodeFrames = (messages: readonly AnyMessage[], protocol: Protocol = PROTOCOL): readonly string[] =>
  divided(protocol === 1 ? messages.map(toV1) : messages)

const divided = (messages: readonly AnyMessage[]): readonly string[] => {
  if (messages.length <= MAX_FRAME_MESSAGES) {
    const frame = encodeFrame(messages)
    if (frame.length <= MAX_FRAME_LENGTH || messages.length <= 1) return [frame]
  }
  const middle = Math.ceil(messages.length / 2)
  return [...divided(messages.slice(0, middle)), ...divided(messages.slice(middle))]
}

/** The messages of a member's frame, all of them sound; or, as a string, what is wrong with it. */
export const decodeMemberFrame = (text: string, protocol: Protocol = PROTOCOL): readonly MemberMessage[] | string => {
  const messages = messagesIn(text)
  return typeof messages === 'string' ? messages : sound(messages, MEMBER_FORMS[protocol])
}

/**
 * The messages of a coordinator's frame, all of them sound; or, as a string, what is wrong with it. A frame that begins with a
 * hello is taken by the version that this names, whatever `protocol` was before.
 */
export const decodeCoordinatorFrame = (
  text: string,
  protocol: Protocol = PROTOCOL,
): readonly CoordinatorMessage[] | string => {
  const messages = messagesIn(text)
  if (typeof messages === 'string') return messages
  const [first] = messages
  const named = typeOf(first) === 'hello' ? (first as { protocol?: unknown }).protocol : protocol
  // The version before all else: a hello of one that is not spoken may have any form.
  return isSpoken(named) ? sound(messages, COORDINATOR_FORMS[named]) : helloFault(named)
}

const messagesIn = (text: string): readonly unknown[] | string => {
  const json = parseJson(text)
  if (typeof json === 'string') return `the frame ${json}`
  const messages = json.value
  if (!Array.isArray(messages)) return 'the frame is not an array of messages'
  if (messages.length <= MAX_FRAME_MESSAGES) return messages
  return `the frame has ${messages.length} messages; at most ${MAX_FRAME_MESSAGES}`
}

const typeOf = (message: unknown): unknown =>
  typeof message === 'object' && message !== null && 'type' in message ? message.type : undefined

/** What a version makes of a message of each type: the message as the core knows it, or what is wrong with it. Carries their type. */
type Forms<Decoded extends AnyMessage> = ReadonlyMap<Decoded['type'], (message: object) => object | string>

const sound = <Decoded extends AnyMessage>(
  messages: readonly unknown[],
  forms: Forms<Decoded>,
): readonly Decoded[] | string => {
  const decoded: Decoded[] = []
  for (const message of messages) {
    const type = typeOf(message)
    const form = forms.get(type as Decoded['type'])
    if (form === undefined) return `message ${decoded.length + 1} has the unknown type ${quoted(type)}`
    const known = form(message as object)
    if (typeof known === 'string') return `message ${decoded.length + 1} (${String(type)}): ${known}`
    decoded.push(known as Decoded)
  }
  return decoded
}

type Named = { readonly group: string; readonly member: string; readonly bootId: string }

const namesFault = ({ group, member, bootId }: Named): string | undefined =>
  groupFault(group) ?? memberFault(member) ?? bootIdFault(bootId)

export const renewFault = (message: Message<typeof Renew>): string | undefined =>
  namesFault(message) ??
  holdingsFault(message.holding, 'holding') ??
  holdingsFault(message.draining, 'draining') ??
  holdingsFault(message.acknowledged, 'acknowledged') ??
  metadataFault(message.metadata)

const shareFault = (message: Message<typeof ShareMessage>): string | undefined =>
  namesFault(message) ?? holdingsFault(message.holding, 'holding') ?? holdingsFault(message.revoked, 'revoked')

/** The form first, then the meaning: what the second function gets has the type that the schema says. */
const checked = <Sound>(form: Check, meaning: (message: Sound) => string | undefined): Check => {
  return (value) => form(value) ?? meaning(value as Sound)
}

/** Of version 1: any field that it does not know is a fault. */
const closed = <Sound>(schema: TObject, meaning: (message: Sound) => string | undefined) => {
  const check = checked(compile(schema), meaning)
  return (message: object) => check(message) ?? message
}

/** Since version 2: fields of a message that are not known here come from a newer peer and are left out. Within them nothing is left out. */
const open = <Sound>(schema: TObject, meaning: (message: Sound) => string | undefined) => {
  const check = checked(compile(schema), meaning)
  const fields = fieldsOf(schema)
  return (message: object) => {
    const known = onlyFields(message, fields)
    return check(known) ?? known
  }
}

const noFault = () => undefined

const MEMBER_FORMS: Record<Protocol, Forms<MemberMessage>> = {
  1: new Map([
    ['renew', closed(V1.renew, renewFault)],
    ['leave', closed(V1.leave, namesFault)],
  ]),
  2: new Map([
    ['renew', open(Renew, renewFault)],
    ['leave', open(Leave, namesFault)],
  ]),
}

const COORDINATOR_FORMS: Record<Protocol, Forms<CoordinatorMessage>> = {
  1: new Map([
    ['hello', closed(V1.hello, noFault)],
    ['share', closed(V1.share, shareFault)],
    ['refused', closed(V1.refused, namesFault)],
    ['left', closed(V1.left, namesFault)],
  ]),
  2: new Map([
    ['hello', open(Hello, noFault)],
    ['share', open(ShareMessage, shareFault)],
    ['refused', open(Refused, namesFault)],
    ['left', open(Left, namesFault)],
    ['concluded', open(Concluded, namesFault)],
  ]),
}
