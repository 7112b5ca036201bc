import { type CoordinatorMessage, type MemberMessage, PROTOCOL } from '../core/group/messages.ts'
import { bootIdFault, groupFault, holdingsFault, memberFault, metadataFault } from './faults.ts'
import { MAX_FRAME_BYTES, MAX_FRAME_MESSAGES } from './limits.ts'
import { Hello, Leave, Left, type Message, Refused, Renew, ShareMessage } from './schemas.ts'
import { type Check, compile, parseJson, quoted } from './validate.ts'

/** Where a coordinator takes links. */
export const LINK_PATH = '/v1/link'
/** How a client names the protocol that it speaks, as a subprotocol or as `?protocol=`. */
export const LINK_SUBPROTOCOL = `caucus.v${PROTOCOL}`

type AnyMessage = MemberMessage | CoordinatorMessage

/** All messages in one frame. Whoever may have too many or too long ones takes `encodeFrames`. */
export const encodeFrame = (messages: readonly AnyMessage[]): string => JSON.stringify(messages)

/** A character takes at most three bytes of UTF-8. */
const MAX_FRAME_LENGTH = Math.floor(MAX_FRAME_BYTES / 3)

/** All messages in as few frames as the limits allow, in order. */
export const encodeFrames = (messages: readonly AnyMessage[]): readonly string[] => {
  if (messages.length <= MAX_FRAME_MESSAGES) {
    const frame = encodeFrame(messages)
    if (frame.length <= MAX_FRAME_LENGTH || messages.length <= 1) return [frame]
  }
  const middle = Math.ceil(messages.length / 2)
  return [...encodeFrames(messages.slice(0, middle)), ...encodeFrames(messages.slice(middle))]
}

/** The messages of a member's frame, all of them sound; or, as a string, what is wrong with it. */
export const decodeMemberFrame = (text: string): readonly MemberMessage[] | string => decode(text, MEMBER_CHECKS)

/** The messages of a coordinator's frame, all of them sound; or, as a string, what is wrong with it. */
export const decodeCoordinatorFrame = (text: string): readonly CoordinatorMessage[] | string =>
  decode(text, COORDINATOR_CHECKS)

/** Carries the type of what it lets through. */
type Checks<Decoded extends AnyMessage> = ReadonlyMap<Decoded['type'], Check>

const decode = <Decoded extends AnyMessage>(text: string, checks: Checks<Decoded>): readonly Decoded[] | string => {
  const json = parseJson(text)
  if (typeof json === 'string') return `the frame ${json}`
  const messages = json.value
  if (!Array.isArray(messages)) return 'the frame is not an array of messages'
  if (messages.length > MAX_FRAME_MESSAGES) {
    return `the frame has ${messages.length} messages; at most ${MAX_FRAME_MESSAGES}`
  }
  for (let i = 0; i < messages.length; i++) {
    const message: unknown = messages[i]
    const type = typeof message === 'object' && message !== null && 'type' in message ? message.type : undefined
    const check = checks.get(type as Decoded['type'])
    if (check === undefined) return `message ${i + 1} has the unknown type ${quoted(type)}`
    const fault = check(message)
    if (fault !== undefined) return `message ${i + 1} (${String(type)}): ${fault}`
  }
  return messages
}

/** The form first, then the meaning: what the second function gets has the type that the schema says. */
const checked = <Sound>(form: Check, meaning: (message: Sound) => string | undefined): Check => {
  return (value) => form(value) ?? meaning(value as Sound)
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

const MEMBER_CHECKS: Checks<MemberMessage> = new Map<MemberMessage['type'], Check>([
  ['renew', checked(compile(Renew), renewFault)],
  ['leave', checked(compile(Leave), namesFault)],
])

const helloForm = compile(Hello)
/** The version first: a hello of another version may have any other form. */
const helloCheck: Check = (hello) => {
  const { protocol } = hello as { protocol?: unknown }
  return typeof protocol === 'number' && protocol !== PROTOCOL ? protocolFault(protocol) : helloForm(hello)
}

export const protocolFault = (protocol: unknown): string =>
  `the other side speaks protocol ${quoted(protocol)}, this one ${PROTOCOL}; run the same version of caucus on both`

const COORDINATOR_CHECKS: Checks<CoordinatorMessage> = new Map<CoordinatorMessage['type'], Check>([
  ['hello', helloCheck],
  ['share', checked(compile(ShareMessage), shareFault)],
  ['refused', checked(compile(Refused), namesFault)],
  ['left', checked(compile(Left), namesFault)],
])
