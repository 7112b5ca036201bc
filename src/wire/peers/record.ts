import { MAX_BASE, MAX_TERM } from '../../core/election/messages.ts'
import type { ElectionRecord } from '../../core/election/record.ts'
import { whole } from '../schemas.ts'
import * as Type from '../type.ts'
import { compile } from '../validate.ts'
import { Boot, Founding } from './schemas.ts'

const strict = { additionalProperties: false }

/** What a voter's file holds. Whatever else is in it was not written by this version, and could be something that counts. */
const VoterRecord = Type.Object(
  {
    cluster: Type.String(),
    voter: Type.String(),
    voters: Type.Array(Type.String(), { minItems: 1 }),
    storeId: Type.String({ minLength: 1 }),
    base: whole(0, MAX_BASE),
    founding: Type.Optional(Founding),
    complete: Type.Boolean(),
    term: whole(0, MAX_TERM),
    vote: Type.Optional(Boot),
    follows: Type.Optional(Boot),
    promiseMs: Type.Number({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  },
  strict,
)

const check = compile(VoterRecord)

/** The record of a voter, or, as a string, what keeps this from being one. */
export const voterRecordOf = (value: unknown): ElectionRecord | string => check(value) ?? (value as ElectionRecord)
