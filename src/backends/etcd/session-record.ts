import { MAX_GENERATION } from '../../core/lease.ts'
import { decodeMemberFrame } from '../../wire/frames.ts'
import { parseJson } from '../../wire/validate.ts'
import type { Entry } from './engine.ts'
import type { Keys, Seat } from './keys.ts'
import type { SessionRecord } from './records.ts'

/** Whose session lies at this key, as we would spell it: another spelling would be another key for the same one. */
export const seatAt = (keys: Keys, key: string): Seat | undefined => {
  const seat = keys.seatOf(key)
  return seat !== undefined && keys.session(seat) === key ? seat : undefined
}

/** Whose session this is and what it says, all of it sound; or, as a string, what is wrong with it: others may write there too. */
export const decodeSession = (
  keys: Keys,
  { key, value }: Entry,
): { readonly seat: Seat; readonly record: SessionRecord } | string => {
  const seat = seatAt(keys, key)
  if (seat === undefined) return 'its key names no member'
  const json = parseJson(value)
  if (typeof json === 'string') return `it ${json}`
  if (typeof json.value !== 'object' || json.value === null) return 'it is not an object'
  const { generation, message } = json.value as Partial<Record<'generation' | 'message', unknown>>
  if (!Number.isSafeInteger(generation) || (generation as number) < 1 || (generation as number) > MAX_GENERATION) {
    return 'it names no generation'
  }
  const messages = decodeMemberFrame(JSON.stringify([message ?? null]))
  if (typeof messages === 'string') return messages
  const [said] = messages
  if (said === undefined) return 'it says nothing'
  const { group, member, bootId } = said
  if (group !== seat.group || member !== seat.member || bootId !== seat.bootId) return 'it is about another member'
  return { seat, record: { generation: generation as number, message: said } }
}
