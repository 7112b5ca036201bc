import { resolveTiming } from '../config/timing.ts'
import { groupOfElection } from '../core/group/elections.ts'
import { CaucusError } from '../errors.ts'
import type { Backend } from '../ports/backend.ts'
import type { Campaign, Candidacy } from './candidacy.ts'
import { type LeaderWork, reign } from './election-lead.ts'
import { type Leader, leaderOf, observed } from './election-observe.ts'
import type { CampaignOptions, LeadOptions } from './election-options.ts'
import { checkMemberId, checkMetadata, checkOptions, checkSignal } from './options.ts'
import type { Tenure } from './tenure.ts'

/** What an election needs of its connection. */
export interface ElectionHome {
  readonly backend: () => Backend
  /** Keeps a candidacy until it is over. `working`: somebody works under it who is to be waited for. */
  campaign(campaign: Campaign, working: boolean): Candidacy
}

const CAMPAIGN_OPTIONS = ['id', 'metadata', 'signal', 'timing'] as const

/**
 * Who of many leads, or has the lock: one at a time, each with a token higher than all before. Candidates get it in the order in which
 * they came. It is there as soon as somebody campaigns.
 */
export class Election {
  readonly name: string
  readonly #home: ElectionHome

  /** Use `caucus.election(name)`. */
  constructor(name: string, home: ElectionHome) {
    this.name = name
    this.#home = home
  }

  /**
   * Resolves once this process leads; it does until `resign()`, or until its lease is lost. While the coordinator cannot be reached it
   * goes on trying. Rejects with the signal's reason, `CAUCUS_OVERLOADED` (a limit of the server), `CAUCUS_FENCED`, `CAUCUS_CONFLICT` (a
   * server that knows no elections), `CAUCUS_FORBIDDEN`, `CAUCUS_INVALID_ARGUMENT` or `CAUCUS_CLOSED`.
   */
  async campaign(options: CampaignOptions = {}): Promise<Tenure> {
    checkOptions(options, CAMPAIGN_OPTIONS, 'campaign()')
    checkSignal(options.signal, 'campaign()')
    const campaign = this.#campaignOf(options)
    options.signal?.throwIfAborted()
    return this.#home.campaign(campaign, false).elected(options.signal)
  }

  /**
   * Calls `work(tenure)` once this process leads, and resigns when that has settled: the next candidate leads at once. Resolves with what
   * `work` gave while it led, and rejects with its error.
   *
   * When leadership is lost while `work` runs, its signal is aborted, and `work` is waited for. Then this campaigns again, from the end of
   * the queue, unless `work` has failed for another reason; with `again: false` it rejects with `CAUCUS_LEADERSHIP_LOST` instead. The signal
   * of the options ends all of this, also `work` by its signal, and `lead` rejects with its reason once `work` has settled. Otherwise it
   * rejects as `campaign` does.
   */
  async lead<Result>(work: LeaderWork<Result>, options: LeadOptions = {}): Promise<Result> {
    if (typeof work !== 'function') {
      throw new CaucusError(
        'CAUCUS_INVALID_ARGUMENT',
        'lead(work) takes a function: async ({ token, signal }) => { … }',
      )
    }
    checkOptions(options, [...CAMPAIGN_OPTIONS, 'again'], 'lead()')
    checkSignal(options.signal, 'lead()')
    const { again = true, signal } = options
    if (typeof again !== 'boolean') {
      throw new CaucusError('CAUCUS_INVALID_ARGUMENT', `lead({ again }) takes true or false, not ${typeof again}`)
    }
    const campaign = this.#campaignOf(options)
    signal?.throwIfAborted()
    const next = (first: boolean) =>
      this.#home.campaign(first ? campaign : { ...campaign, bootId: this.#home.backend().newId(), patient: true }, true)
    return reign(work, { name: this.name, again, signal, next })
  }

  /** Resolves with who leads now, or with `undefined` when nobody does. Somebody who is handing over does not. */
  async leader(options: { readonly signal?: AbortSignal } = {}): Promise<Leader | undefined> {
    checkOptions(options, ['signal'], 'leader()')
    checkSignal(options.signal, 'leader()')
    return leaderOf(await this.#home.backend().group(groupOfElection(this.name), options))
  }

  /**
   * Yields who leads first, then the newest each time the loop comes back after that has changed; `undefined`: nobody. What the coordinator
   * says may be outdated when it is read: to act on it is for whoever leads, who has a token. Goes on where it was when the way to the coordinator was lost.
   */
  observe(options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<Leader | undefined, undefined> {
    checkOptions(options, ['signal'], 'observe()')
    checkSignal(options.signal, 'observe()')
    return observed(this.#home.backend(), groupOfElection(this.name), options.signal)
  }

  #campaignOf({ id, metadata, timing }: CampaignOptions): Campaign {
    const backend = this.#home.backend()
    const { heartbeatMs, stopMarginMs } = timing === undefined ? backend.timing : resolveTiming(timing)
    const member = id ?? backend.newId()
    checkMemberId(member)
    const checked = checkMetadata(metadata)
    return {
      election: this.name,
      member,
      bootId: backend.newId(),
      heartbeatMs,
      stopMarginMs,
      ...(checked !== undefined && { metadata: checked }),
    }
  }
}
