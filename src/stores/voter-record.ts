import type { ElectionRecord } from '../core/election/record.ts'
import { CaucusError } from '../errors.ts'
import { voterRecordOf } from '../wire/peers/record.ts'
import { seal, unseal } from './sealed-record.ts'

export const encodeVoterRecord = (record: ElectionRecord): string => seal(record)

/** The record, or an error that says what to do: a voter that does not know what it voted must not vote. */
export const decodeVoterRecord = (text: string, file: string): ElectionRecord =>
  unseal(text, file, { soundOf: voterRecordOf, damaged: (what) => damaged(file, what) })

const damaged = (file: string, what: string): CaucusError =>
  new CaucusError(
    'CAUCUS_BACKEND',
    `${file} is damaged: ${what}. This voter does not vote by it, since it may have voted otherwise. Move it away: with an empty directory it rejoins as soon as all other voters are there. Do not put back an old copy`,
    { details: { file } },
  )
