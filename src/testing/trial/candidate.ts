import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../core/random.ts'
import type { Caucus, Tenure } from '../../index.ts'
import type { Belief } from './claim-log.ts'
import { TENURE } from './things.ts'

/** Campaigns in the trial's election, and once elected leads until it has to stop; one in `resigns` resigns by itself after a while. */
export class Candidate {
  #tenure: Tenure | undefined

  constructor(caucus: Caucus, options: CandidateOptions) {
    void this.#campaign(caucus, options)
  }

  /** Asked at this instant: `held` is the check at use. */
  *beliefs(): Iterable<Belief> {
    const tenure = this.#tenure
    if (tenure?.held) yield { what: TENURE, epoch: tenure.token }
  }

  async #campaign(caucus: Caucus, { id, random, resigns, signal, failed }: CandidateOptions): Promise<void> {
    while (!signal.aborted) {
      try {
        await caucus.election(TENURE).lead(
          async (tenure) => {
            this.#tenure = tenure
            const isShort = resigns > 0 && random.below(resigns) === 0
            const untilMs = isShort ? performance.now() + random.below(MAX_TENURE_MS) : Number.POSITIVE_INFINITY
            while (tenure.held && !signal.aborted && performance.now() < untilMs) await sleep(LOOK_EVERY_MS)
            this.#tenure = undefined
          },
          { id, signal },
        )
      } catch (error) {
        if (!signal.aborted) return failed(error)
      }
    }
  }
}

export interface CandidateOptions {
  readonly id: string
  readonly random: Random
  /** 0: never. */
  readonly resigns: number
  readonly signal: AbortSignal
  failed(error: unknown): void
}

const MAX_TENURE_MS = 2_000
const LOOK_EVERY_MS = 5
