import type { Epoch } from '../core/lease.ts'
import { isCaucusError } from '../errors.ts'
import type { CampaignTrace, TenureEnding, TenureTrace, TracedCampaign, Tracing } from '../ports/tracing.ts'
import { guarded } from '../runtime/tracing.ts'

/** Tells a tracing of one candidate: its campaigns, and the tenures that come of them. */
export class TracedCandidacy {
  readonly #tracing: Tracing
  readonly #who: TracedCampaign
  #campaign: CampaignTrace | undefined
  #tenure: TenureTrace | undefined

  constructor(tracing: Tracing, who: TracedCampaign) {
    this.#tracing = tracing
    this.#who = who
  }

  /** To be called where somebody campaigns: what is active there is what it belongs to. */
  campaigning(): void {
    this.#campaign ??= guarded(() => this.#tracing.beginCampaign(this.#who))
  }

  elected(token: Epoch): void {
    const campaign = this.#campaign
    this.#campaign = undefined
    if (campaign !== undefined) this.#tenure = guarded(() => campaign.elected(token))
  }

  /** The campaign came to nothing. */
  gaveUp(error: unknown, signal: AbortSignal | undefined): void {
    const campaign = this.#campaign
    this.#campaign = undefined
    if (campaign === undefined) return
    const isClosed = isCaucusError(error) && error.code === 'CAUCUS_CLOSED'
    const isWish = isClosed || (signal?.aborted === true && error === signal.reason)
    guarded(() => (isWish ? campaign.abandoned() : campaign.failed(error)))
  }

  /** Of several endings the first counts. */
  over(ending: TenureEnding): void {
    const tenure = this.#tenure
    if (tenure !== undefined) guarded(() => tenure.over(ending))
  }

  workFailed(error: unknown): void {
    const tenure = this.#tenure
    if (tenure !== undefined) guarded(() => tenure.workFailed(error))
  }

  /** What was done under the tenure has stopped, or nobody knows more about it. */
  finished(): void {
    const tenure = this.#tenure
    this.#tenure = undefined
    if (tenure !== undefined) guarded(() => tenure.ended())
  }
}

/** How a tenure ends that is ended from outside, for this reason. */
export const endingOf = (reason: unknown): TenureEnding => {
  if (!isCaucusError(reason)) return 'aborted'
  if (reason.code === 'CAUCUS_CLOSED') return 'closed'
  return reason.code === 'CAUCUS_FENCED' ? 'fenced' : 'failed'
}
