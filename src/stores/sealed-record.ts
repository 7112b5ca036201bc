import { CaucusError } from '../errors.ts'
import { parseJson } from '../wire/validate.ts'
import { checksumOf } from './record.ts'

const VERSION = 1

/** A record as a voter's files hold it: with its version and a checksum. */
export const seal = (record: object): string => {
  // As it is read back: what is left out as undefined must not count into the checksum.
  const written: unknown = JSON.parse(JSON.stringify(record))
  return `${JSON.stringify({ version: VERSION, checksum: checksumOf(written), record: written }, undefined, 2)}\n`
}

/** The record of a file, or an error: what `damaged` makes of what is wrong, unless a newer version wrote it. */
export const unseal = <Record>(
  text: string,
  file: string,
  { soundOf, damaged }: { soundOf(value: unknown): Record | string; damaged(what: string): CaucusError },
): Record => {
  const json = parseJson(text)
  if (typeof json === 'string') throw damaged(`it ${json}`)
  const { value } = json
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw damaged('it is not an object')
  const { version, checksum, record } = value as Readonly<{ [key: string]: unknown }>
  if (typeof version === 'number' && version > VERSION) {
    throw new CaucusError(
      'CAUCUS_INVALID_CONFIG',
      `${file} was written by a newer caucus (format ${version}, this one reads ${VERSION}); start that version, or give another data directory`,
      { details: { file, version } },
    )
  }
  if (version !== VERSION) throw damaged('it has no version')
  if (checksum !== checksumOf(record)) throw damaged('its checksum does not match')
  const sound = soundOf(record)
  if (typeof sound === 'string') throw damaged(sound)
  return sound
}
