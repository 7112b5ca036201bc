import { parseJson } from '../../wire/validate.ts'
import { wordsOf } from '../election/bench.ts'

/** What a frame between peers says, in a few words. */
export const peerMessagesOf = (frame: string): string => {
  const json = parseJson(frame)
  if (typeof json === 'string' || !Array.isArray(json.value)) return `nonsense: ${frame.slice(0, 40)}`
  return json.value.map((message) => (message?.type === 'hello' ? 'hello' : wordsOf(message))).join(' + ')
}
