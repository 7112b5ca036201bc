import { CaucusError } from '../../errors.ts'

export const refuse = (message: string): never => {
  throw new CaucusError('CAUCUS_INVALID_ARGUMENT', message)
}

/** Throws where `options` is no object, or has a field that `known` does not list. */
export const checkFields = (options: unknown, known: readonly string[], where: string): void => {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    refuse(`${where} takes an object with ${known.join(', ')}`)
  }
  for (const name of Object.keys(options as object)) {
    if (!known.includes(name)) {
      refuse(`${where} knows no "${name.slice(0, 64)}"; it takes ${known.join(', ')}`)
    }
  }
}

/** Tokens are safe integers here and bigints there: every one of ours is exact in both. */
export const checkToken = (token: unknown, where: string): number => {
  if (typeof token === 'number' && Number.isSafeInteger(token) && token > 0) return token
  const given = typeof token === 'number' || typeof token === 'bigint' ? `is ${token}` : `is of type ${typeof token}`
  return refuse(
    `${where}: token ${given}; give that of a tenure or the epoch of a share, a whole number from 1 to 2^53-1`,
  )
}

/** So that a name fits into a row of an index, whatever its characters. */
const MAX_NAME_CHARACTERS = 512

/** What is no text in PostgreSQL, or would be another one there. */
const isNoText = (text: string): boolean => text.includes('\0') || /\p{Surrogate}/u.test(text)

export const checkName = (name: unknown, where: string): string => {
  if (typeof name !== 'string' || name === '' || name.length > MAX_NAME_CHARACTERS || isNoText(name)) {
    return refuse(
      `${where}: name is what the fence is for, a text of 1 to ${MAX_NAME_CHARACTERS} characters without null characters`,
    )
  }
  return name
}

/** PostgreSQL cuts a longer one short, and two tables might be one. */
const MAX_IDENTIFIER_BYTES = 63

/** The identifier in double quotes, whatever it contains: it is never taken for anything else. */
export const quoted = (identifier: unknown, what: string, where: string): string => {
  if (
    typeof identifier !== 'string' ||
    identifier === '' ||
    Buffer.byteLength(identifier) > MAX_IDENTIFIER_BYTES ||
    isNoText(identifier)
  ) {
    return refuse(
      `${where}: ${what} is the name of one ${what}, a text of 1 to ${MAX_IDENTIFIER_BYTES} bytes without null characters`,
    )
  }
  return `"${identifier.replaceAll('"', '""')}"`
}

/** `"schema"."table"`, or `"table"` as the search path has it. */
export const quotedTable = (
  { schema, table }: { readonly schema?: unknown; readonly table: unknown },
  where: string,
): string => {
  const name = quoted(table, 'table', where)
  return schema === undefined ? name : `${quoted(schema, 'schema', where)}.${name}`
}

export const checkMillis = (ms: unknown, name: string, where: string): number => {
  if (typeof ms === 'number' && Number.isInteger(ms) && ms >= 1 && ms <= 2 ** 31 - 1) return ms
  return refuse(`${where}: ${name} is ${String(ms).slice(0, 64)}; give whole milliseconds from 1 to ${2 ** 31 - 1}`)
}

/** The refusal that ends an older writer. */
export const fencedOut = (name: string, token: number, newest: string, cause?: unknown): CaucusError =>
  new CaucusError('CAUCUS_FENCED', `${JSON.stringify(name)}: token ${token} is older than ${newest}; stop writing`, {
    cause,
    details: { name, token, newest: Number.isSafeInteger(Number(newest)) ? Number(newest) : newest },
  })
