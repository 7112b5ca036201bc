import type { Generation } from '../../core/lease.ts'
import { CaucusError } from '../../errors.ts'

/** Whether whoever coordinates gives out tokens that may be as low as those of before, of which the operator has told the highest. */
export const isBelow = (generation: Generation | undefined, least: Generation | undefined): generation is Generation =>
  generation !== undefined && least !== undefined && generation < least

/** Nothing may be taken from such a coordinator: a fence could have seen its tokens before. */
export const tooLow = (prefix: string, generation: Generation, least: Generation | undefined): CaucusError =>
  new CaucusError(
    'CAUCUS_CONFLICT',
    `somebody coordinates under ${prefix} who began without tokensAbove: its generation is ${generation}, and tokensAbove asks for ${least} or more. ` +
      'Stop all that joined without it; then one that has it coordinates, and this process goes on',
    { details: { generation, leastGeneration: least } },
  )
