import type { ElectionRecord } from '../core/election/record.ts'
import { CaucusError } from '../errors.ts'
import { voterRecordOf } from '../wire/peers/record.ts'
import { parseJson } from '../wire/validate.ts'
import { checksumOf } from './record.ts'

const VERSION = 1

export const encodeVoterRecord = (record: ElectionRecord): string => {
  // As it is read back: what is left out as undefined must not count into the checksum.
  const written: unknown = JSON.parse(JSON.stringify(record))
  return `${JSON.stringify({ version: VERSION, checksum: checksumOf(written), record: written }, undefined, 2)}\n`
}

/** The record, or an error that says what to do: a voter that does not know what it voted must not vote. */
export const decodeVoterRecord = (text: string, file: string): ElectionRecord => {
  const json = parseJson(text)
  if (typeof json === 'string') throw damaged(file, `it ${json}`)
  const { value } = json
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw damaged(file, 'it is not an object')
  const { version, checksum, record } = value as Readonly<Record<string, unknown>>
  if (typeof version === 'number' && version > VERSION) {
    throw new CaucusError(
      'CAUCUS_INVALID_CONFIG',
      `${file} was written by a newer caucus (format ${version}, this one reads ${VERSION}); start that version, or give another data directory`,
      { details: { file, version } },
    )
  }
  if (version !== VERSION) throw damaged(file, 'it has no version')
  if (checksum !== checksumOf(record)) throw damaged(file, 'its checksum does not match')
  const sound = voterRecordOf(record)
  if (typeof sound === 'string') throw damaged(file, sound)
  return sound
}

const damaged = (file: string, what: string): CaucusError =>
  new CaucusError(
    'CAUCUS_BACKEND',
    `${file} is damaged: ${what}. This voter does not vote by it, since it may have voted otherwise. Move it away: with an empty directory it rejoins as soon as all other voters are there. Do not put back an old copy`,
    { details: { file } },
  )
