import { groupOfElection } from '../core/group/elections.ts'
import { type Holding, TENURE } from '../core/group/messages.ts'
import { CaucusError } from '../errors.ts'
import type { Backend, JoinRequest, MembershipListener, MembershipPort } from '../ports/backend.ts'
import type { Clock } from '../ports/clock.ts'
import type { TenureEnding, Tracing } from '../ports/tracing.ts'
import { LeaseSignal } from '../runtime/lease-signal.ts'
import { leadershipLost, Tenure } from './tenure.ts'
import { endingOf, TracedCandidacy } from './traced-candidacy.ts'

/** How long a goodbye waits to be heard, once everything has been let go. Unheard, it costs the others a lease and nobody the truth. */
const LEAVE_WAIT_MS = 1_000

/** Who campaigns, and how. */
export interface Campaign extends Omit<JoinRequest, 'group' | 'share' | 'weight' | 'static'> {
  readonly election: string
  /** A server that has its limit of candidates is asked again and again, and not taken at its word. */
  readonly patient?: boolean
}

interface Waiting {
  resolve(tenure: Tenure): void
  reject(error: unknown): void
}

/** What was handed out last. */
interface Reign {
  readonly tenure: Tenure
  /** Ends it for whoever works under it. Of several reasons the first stays. */
  end(reason: unknown): void
}

/**
 * One candidate of an election, from its coming to its going. What it was given it lets go of when it is told that the work has stopped,
 * and not before: neither when it is asked for it, nor when the connection is being closed.
 */
export class Candidacy implements MembershipListener {
  readonly #campaign: Campaign
  readonly #clock: Clock
  readonly #onEnded: (candidacy: Candidacy) => void
  readonly #port: MembershipPort
  readonly #traced: TracedCandidacy | undefined
  #admitted = false
  #waiting: Waiting | undefined
  #reign: Reign | undefined
  /** Nobody works under it: whatever is asked for is let go at once. */
  #idle = true
  #resigned = false
  /** Its tenure was not lost: it has been asked for it, or is on its way out. */
  #asked = false
  /** Asked for, or on its way out, and not let go yet: the work may go on. */
  #draining: readonly Holding[] = []
  #leaving: Promise<void> | undefined
  #ended: { readonly error: CaucusError | undefined } | undefined

  constructor(backend: Backend, campaign: Campaign, onEnded: (candidacy: Candidacy) => void, tracing?: Tracing) {
    this.#campaign = campaign
    this.#clock = backend.clocks.holder
    this.#onEnded = onEnded
    const { election, patient: _patient, ...request } = campaign
    this.#traced = tracing && new TracedCandidacy(tracing, { election, candidate: campaign.member })
    this.#port = backend.join({ ...request, group: groupOfElection(election), share: 'tenure' }, this)
  }

  /** Why it ended, if not by its own wish. */
  get error(): CaucusError | undefined {
    return this.#ended?.error
  }

  /** It will not lead again. One that was asked to let go may. */
  get over(): boolean {
    return this.#ended !== undefined || this.#leaving !== undefined
  }

  /** It was given a tenure, and may not have let go of it yet. */
  get leads(): boolean {
    return !this.#idle
  }

  /** Its tenure ended by the wish of whoever had it, before it was lost. */
  get resigned(): boolean {
    return this.#resigned
  }

  /** Resolves with the next tenure. Rejects with the signal's reason, which ends the candidacy, or with what ended it. */
  async elected(signal: AbortSignal | undefined): Promise<Tenure> {
    if (this.#ended !== undefined) throw this.#ended.error ?? closed(this.#campaign.election)
    const abort = () => this.#waiting?.reject(signal?.reason)
    this.#traced?.campaigning()
    try {
      return await new Promise<Tenure>((resolve, reject) => {
        this.#waiting = { resolve, reject }
        if (signal?.aborted) return abort()
        signal?.addEventListener('abort', abort, { once: true })
        this.#serve()
      })
    } catch (error) {
      this.#traced?.gaveUp(error, signal)
      this.close()
      throw error
    } finally {
      this.#waiting = undefined
      signal?.removeEventListener('abort', abort)
    }
  }

  /** The tenure is over for whoever works under it, who is told so; what was held is let go of with `standsBy` or `resign`. */
  retire(reason: unknown): void {
    this.#traced?.over(endingOf(reason))
    this.#reign?.end(reason)
    this.#leave()
  }

  /** What was done under the tenure failed by itself. */
  workFailed(error: unknown): void {
    this.#traced?.workFailed(error)
  }

  /**
   * The work has stopped. True when it was asked for what it had: it waits for another turn. What was lost ends the candidacy, also when that
   * has been seen by the clock and not been told yet.
   */
  standsBy(): boolean {
    this.#finished()
    if (!this.#asked) void this.#leave()
    return !this.over
  }

  /** The work has stopped, and it is a candidate no more. Resolves once that was heard, or a second after everything was let go. */
  resign(): Promise<void> {
    // What the clock has ended cannot be given up any more.
    this.#endReign('it was given up', this.#reign?.tenure.held === false ? 'lapsed' : 'resigned')
    this.#finished()
    return this.#leave()
  }

  /** Resolves once it is a candidate no more, however that comes about. */
  left(): Promise<void> {
    return this.#leaving ?? Promise.resolve()
  }

  /** Lets go at once, and is a candidate no more. */
  close(): void {
    this.#port.close()
  }

  changed(): void {
    this.#admitted ||= this.#port.view().state === 'member'
    this.#serve()
  }

  granted(): void {
    this.#serve()
  }

  drain(items: readonly Holding[]): void {
    this.#asked = true
    this.#draining = [...this.#draining, ...items]
    this.#endReign('the coordinator has asked for it back', 'revoked')
    if (this.#idle) this.#letGo()
  }

  /** Over without being asked: it is not to be had again before the work under it has stopped, so this candidacy is over, too. */
  lost(_items: readonly Holding[], because: string): void {
    // Whoever is fenced is told why in this very turn.
    if (this.#reign === undefined || because === 'fenced') return
    this.#endReign(LOST[because] ?? because, because === 'lapsed' ? 'lapsed' : 'expired')
    // Not without hearing what comes back: a renewal on its way may be answered with a new session, which nobody would take leave of, or
    // with the word that a newer process has the id.
    if (!this.#idle) void this.#leave()
  }

  /** Whoever waits for the admission is told; later it is tried again with every renewal. */
  refused(error: CaucusError): void {
    if (error.code !== 'CAUCUS_OVERLOADED' || this.#admitted || this.#campaign.patient === true) return
    this.#waiting?.reject(error)
  }

  ended(error: CaucusError | undefined): void {
    if (this.#ended !== undefined) return
    this.#ended = { error }
    if (error === undefined) this.#endReign('the connection was closed', 'closed')
    else {
      this.#traced?.over(endingOf(error))
      this.#reign?.end(error)
    }
    this.#traced?.finished()
    this.#waiting?.reject(error ?? closed(this.#campaign.election))
    this.#onEnded(this)
  }

  /** Hands out what is held, once, to whoever waits for it. It may speak before its `join` has returned, when nobody waits yet. */
  #serve(): void {
    if (this.#waiting === undefined || this.over) return
    const holding = this.#port.holds(TENURE)
    if (holding === undefined || holding.epoch === this.#reign?.tenure.token) return
    this.#idle = false
    this.#asked = false
    this.#reign = this.#begin(holding)
    this.#traced?.elected(holding.epoch)
    this.#waiting.resolve(this.#reign.tenure)
  }

  #begin({ epoch: token }: Holding): Reign {
    const { election, member } = this.#campaign
    const port = this.#port
    let over = false
    const lease = new LeaseSignal({
      clock: this.#clock,
      validUntil: () => (!over && port.holds(TENURE)?.epoch === token ? port.view().validUntil : undefined),
      reason: () => leadershipLost(election, token, 'its lease has run out'),
    })
    const tenure = new Tenure(election, member, token, {
      signal: lease.signal,
      leaseMsLeft: () => Math.max(0, port.view().validUntil - port.now()),
      resign: () => {
        // What was lost by then cannot be given up any more.
        this.#resigned ||= this.#asked ? !this.over : !lease.signal.aborted
        return this.resign()
      },
    })
    return {
      tenure,
      end: (reason) => {
        over = true
        lease.abort(reason)
      },
    }
  }

  #endReign(why: string, ending: TenureEnding): void {
    this.#traced?.over(ending)
    this.#reign?.end(leadershipLost(this.#campaign.election, this.#reign.tenure.token, why))
  }

  #finished(): void {
    this.#idle = true
    this.#traced?.finished()
    this.#letGo()
  }

  #letGo(): void {
    const items = this.#draining
    this.#draining = []
    if (items.length > 0) this.#port.drained(items)
  }

  #leave(): Promise<void> {
    this.#leaving ??= this.#port.leave({ limitMs: LEAVE_WAIT_MS })
    return this.#leaving
  }
}

const LOST: Readonly<Record<string, string>> = {
  lapsed: 'it was not renewed in time',
  expired: 'the coordinator had given up on this process',
}

const closed = (name: string): CaucusError =>
  new CaucusError('CAUCUS_CLOSED', `the campaign for "${name}" is over; campaign again`)
