import type { ReplicaRecord } from '../core/replication/messages.ts'
import { CaucusError } from '../errors.ts'
import { replicaRecordOf } from '../wire/peers/replica-schemas.ts'
import { seal, unseal } from './sealed-record.ts'

export const encodeReplicaRecord = (record: ReplicaRecord): string => seal(record)

/** The record, or an error that says what to do: a voter that does not know what it accepted must not answer a leader. */
export const decodeReplicaRecord = (text: string, file: string): ReplicaRecord =>
  unseal(text, file, { soundOf: replicaRecordOf, damaged: (what) => damaged(file, what) })

const damaged = (file: string, what: string): CaucusError =>
  new CaucusError(
    'CAUCUS_BACKEND',
    `${file} is damaged: ${what}. This voter answers no leader by it, since it may have answered otherwise. Move it away, and nothing else: it asks the other voters for it, and counts as soon as all of them have answered. Do not put back an old copy`,
    { details: { file } },
  )
