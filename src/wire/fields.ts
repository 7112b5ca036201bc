import type { TObject } from './type.ts'

export type Fields = ReadonlySet<string>

export const fieldsOf = ({ properties }: TObject): Fields => new Set(Object.keys(properties))

/** The message itself when it has no other fields, and otherwise a copy without them. */
export const onlyFields = <Message extends object>(message: Message, known: Fields): Message => {
  const names = Object.keys(message)
  if (names.every((name) => known.has(name))) return message
  return Object.fromEntries(Object.entries(message).filter(([name]) => known.has(name))) as Message
}
