import type { Random } from '../../core/random.ts'
import { decodeCoordinatorFrame, decodeMemberFrame, encodeFrame } from '../../wire/frames.ts'
import { decodeLeaveQuery, decodeRenewBody, pathFault, revisionFault } from '../../wire/http.ts'
import { decodeDown } from '../../wire/topics/down.ts'
import { decodeUp, UpWriter } from '../../wire/topics/up.ts'
import { PROTOCOLS } from '../../wire/versions.ts'
import { type Case, Sent } from './case.ts'
import { oneOf, percent, weighted } from './draw.ts'
import { hostileText } from './hostile.ts'
import { type Json, textOf } from './json.ts'
import { MemberFrames } from './member-frames.ts'
import { Memory } from './memory.ts'
import { mutatedText } from './mutate.ts'
import { exampleOf } from './schema.ts'
import { TopicFrames } from './topic-frames.ts'

const TEXTS_A_CASE = 200
/** Faults are told to people, and to a WebSocket in at most 123 bytes; what was sent must not come back in them at length. */
const MOST_FAULT = 400

/** Texts for the functions that read what comes over the wire, without a wire. */
export const decodeCase: Case = async ({ random, api, world }) => {
  const sent = new Sent()
  const memory = new Memory()
  const frames = new MemberFrames(api, world)
  const bodies = api.routes.flatMap(({ body }) => (body === undefined ? [] : [body]))
  const topics = new TopicFrames(world)
  const prototype = Object.getOwnPropertyNames(Object.prototype).length
  // What the other side of a link says, which a client reads: by its examples, since a document describes it too.
  const serverFrame = (): Json => [exampleOf(api.serverFrame.items ?? {}, world.source(random, memory))]
  try {
    for (let left = TEXTS_A_CASE; left > 0; left--) {
      const fault = weighted<() => string | undefined>(random, [
        [
          40,
          () =>
            memberFrame(
              noted(sent, percent(random, 30) ? frames.draw(random, memory, 2) : frames.broken(random, memory)),
              random,
            ),
        ],
        [
          30,
          () =>
            renewBody(
              noted(sent, maybe(exampleOf(oneOf(random, bodies), world.source(random, memory)), random)),
              random,
            ),
        ],
        [15, () => coordinatorFrame(noted(sent, maybe(serverFrame(), random)), random)],
        [25, () => topicsFrame(percent(random, 30) ? topics.draw(random) : topics.broken(random), sent)],
        [10, () => leaveQuery(noted(sent, queryOf(random)))],
        [
          5,
          () =>
            short(
              pathFault(noted(sent, hostileText(random)), hostileText(random)) ?? revisionFault(hostileText(random)),
            ),
        ],
      ])()
      if (fault !== undefined) return sent.outcome(fault)
      if (Object.getOwnPropertyNames(Object.prototype).length !== prototype || 'polluted' in {})
        return sent.outcome('a text has changed the prototype of all objects')
    }
    return sent.outcome()
  } catch (error) {
    return sent.outcome(`a decoder threw: ${error instanceof Error ? error.stack : error}`)
  }
}

const noted = (sent: Sent, text: string): string => {
  sent.add(text)
  return text
}

const maybe = (json: Json, random: Random): string => (percent(random, 25) ? textOf(json) : mutatedText(json, random))

const short = (fault: string | undefined): string | undefined =>
  fault !== undefined && fault.length > MOST_FAULT
    ? `a fault is told in ${fault.length} characters: ${fault.slice(0, 200)}`
    : undefined

/** What is taken must stand in a frame, be taken again, and mean the same. */
const memberFrame = (text: string, random: Random): string | undefined => {
  const protocol = oneOf(random, PROTOCOLS)
  const messages = decodeMemberFrame(text, protocol)
  if (typeof messages === 'string') return short(messages)
  const again = decodeMemberFrame(encodeFrame(messages), protocol)
  return JSON.stringify(again) === JSON.stringify(messages)
    ? undefined
    : 'a frame that was taken is not taken again as the same'
}

/** What is taken can be said again, and is taken again as the same. As what a server says it is read too, and never is what it is. */
const topicsFrame = (frame: Buffer, sent: Sent): string | undefined => {
  sent.add(frame)
  const down = decodeDown(frame)
  if (typeof down === 'string' && down.length > MOST_FAULT) return short(down)
  const messages = decodeUp(frame)
  if (typeof messages === 'string') return short(messages)
  const writer = new UpWriter()
  for (const message of messages) writer.append(message)
  const again = decodeUp(writer.take() ?? Buffer.from([1]))
  return JSON.stringify(again) === JSON.stringify(messages)
    ? undefined
    : 'a frame on topics that was taken is not taken again as the same'
}

const coordinatorFrame = (text: string, random: Random): string | undefined => {
  const messages = decodeCoordinatorFrame(text, oneOf(random, PROTOCOLS))
  return typeof messages === 'string' ? short(messages) : undefined
}

/** What a body means must be what a link may say as well: both are one message to the coordinator. */
const renewBody = (text: string, random: Random): string | undefined => {
  const member = oneOf(random, ['a', 'ü', 'x'.repeat(128)])
  const renew = decodeRenewBody('fuzz-1', member, text)
  if (typeof renew === 'string') return short(renew)
  const again = decodeMemberFrame(encodeFrame([renew]))
  return typeof again === 'string' ? `a body is taken that no link may say: ${again}` : undefined
}

const leaveQuery = (query: string): string | undefined => {
  const leave = decodeLeaveQuery('fuzz-1', 'a', new URLSearchParams(query))
  if (leave === undefined || typeof leave === 'string') return short(leave)
  return typeof decodeMemberFrame(encodeFrame([leave])) === 'string'
    ? 'a query is taken that no link may say'
    : undefined
}

const queryOf = (random: Random): string =>
  ['incarnation', 'bootId', 'sequence', '__proto__']
    .filter(() => percent(random, 80))
    .map(
      (name) =>
        `${name}=${percent(random, 50) ? random.below(9) : encodeURIComponent(hostileText(random).replaceAll(/\p{Surrogate}/gu, '?'))}`,
    )
    .join('&')
