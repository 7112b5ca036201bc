import { MAX_FRAME_BYTES, MAX_TOPICS_MESSAGES } from '../limits.ts'
import { ByteReader } from './byte-reader.ts'
import { TOPICS_FORMAT } from './frame-writer.ts'

/** All messages of a frame, each by `read`, which gives `undefined` for a type that is none; or, as a string, what is wrong with the first that is not sound. */
export const decodeFrame = <Message>(
  frame: Uint8Array,
  read: (from: ByteReader) => Message | undefined,
): readonly Message[] | string => {
  if (frame.byteLength > MAX_FRAME_BYTES) return `the frame has ${frame.byteLength} bytes; at most ${MAX_FRAME_BYTES}`
  const from = new ByteReader(frame)
  if (from.byte() !== TOPICS_FORMAT) return 'the frame is of no form that is known'
  const messages: Message[] = []
  while (!from.isAtEnd) {
    if (messages.length >= MAX_TOPICS_MESSAGES) return `the frame has more than ${MAX_TOPICS_MESSAGES} messages`
    const message = read(from)
    if (message === undefined) from.fail('its type is unknown')
    if (message === undefined || from.fault !== undefined) return `message ${messages.length + 1}: ${from.fault}`
    messages.push(message)
  }
  return messages
}
