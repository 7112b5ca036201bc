import type { Timing, TimingPreset } from '../config/timing.ts'

/** Of one campaign: who stands for the election, and for how long it waits. */
export interface CampaignOptions {
  /** This candidate's name. A second process with the same one fences the first. Default: a random one. */
  readonly id?: string
  /** JSON of up to 4 096 bytes, for all to see. */
  readonly metadata?: unknown
  /** Ends the wait for the election. What has begun is ended by `resign()`. */
  readonly signal?: AbortSignal
  /** Only `heartbeatMs` and `stopMarginMs` are a candidate's own; the rest is the coordinator's. */
  readonly timing?: TimingPreset | Partial<Timing>
}

/** Of `lead()`: those of a campaign, whose signal ends the work as well, and whether it goes on after a loss. */
export interface LeadOptions extends CampaignOptions {
  /** Ends the campaign, and the work by its signal. */
  readonly signal?: AbortSignal
  /** Campaigns again when leadership was lost while the work ran. Default: true. */
  readonly again?: boolean
}
