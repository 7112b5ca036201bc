import { constants } from 'node:os'
import { leadershipLost } from '../../client/tenure.ts'
import { type Holding, TENURE } from '../../core/group/messages.ts'
import type { Instant, Millis } from '../../core/time.ts'
import type { CaucusError } from '../../errors.ts'
import type { MembershipListener, MembershipPort } from '../../ports/backend.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { LogDetails } from '../../ports/log-events.ts'
import type { LogLevel } from '../../ports/telemetry.ts'
import { BackOff } from '../work/back-off.ts'
import { cannotRun } from '../work/gate.ts'
import type { Report } from '../work/orders.ts'
import type { Runner } from '../work/worker.ts'

export interface CandidateOptions {
  readonly name: string
  readonly command: readonly [string, ...string[]]
  /** A holder's. */
  readonly clock: Clock
  readonly graceMs: Millis
  /** Whether it campaigns again when leadership was lost. */
  readonly again: boolean
  /** Each time as another process of the same id. */
  join(listener: MembershipListener): MembershipPort
  runner(report: (report: Report) => void): Runner
  log(level: LogLevel, message: string, details: LogDetails): void
}

interface Run {
  readonly number: number
  readonly token: number
  readonly startedAt: Instant
  stopping: boolean
  unkillable?: boolean
}

/** How long a goodbye may take once everything is let go. */
const LEAVE_LIMIT_MS: Millis = 2_000

/**
 * Runs a program while its candidate leads, never otherwise: what is asked for is let go of only after the whole process group of the program is
 * gone, and nothing is campaigned for again before that.
 */
export class Candidate {
  readonly #options: CandidateOptions
  readonly #runner: Runner
  #port: MembershipPort | undefined
  #run: Run | undefined
  #runs = 0
  /** Asked for, and to be let go once no program is there any more. */
  #draining: Holding[] = []
  readonly #backOff = new BackOff()
  #timer: Timer | undefined
  /** On its way out of a candidacy whose tenure was lost. */
  #quitting = false
  /** Nothing more is campaigned for: what is to come of it. */
  #outcome: { readonly code: number } | { readonly error: Error } | undefined
  #resolve: (code: number) => void = () => undefined
  #reject: (error: unknown) => void = () => undefined

  /** Resolves with the exit code once the program is gone and the election was left; rejects with what ended the candidacy. */
  readonly done: Promise<number>

  constructor(options: CandidateOptions) {
    this.#options = options
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#runner = options.runner((report) => this.#hear(report))
    this.#campaign()
  }

  /** Ends the program, lets go, says so, and is done with `code`. Called again: the program is killed at once. */
  finish(code: number): void {
    if (this.#outcome !== undefined) return this.#runner.kill()
    this.#end({ code })
  }

  #campaign(): void {
    const listener: MembershipListener = {
      changed: () => this.#decide(),
      granted: () => this.#decide(),
      drain: (items) => {
        this.#draining.push(...items)
        this.#decide()
      },
      lost: (_items, because) => this.#lost(because),
      refused: (error) => {
        // What will not be otherwise next time comes back as the last word.
        if (error.retriable)
          this.#options.log('warn', `refused, and tried again: ${error.message}`, {
            event: 'campaign.refused',
            code: error.code,
          })
      },
      ended: (error) => {
        if (this.#listener === listener) this.#ended(error)
      },
    }
    this.#listener = listener
    this.#quitting = false
    const port = this.#options.join(listener)
    // It may have been refused before its `join` returned.
    if (this.#listener === listener) this.#port = port
    this.#decide()
  }

  #campaignAgain(): void {
    try {
      this.#campaign()
    } catch (error) {
      this.#outcome = { error: error instanceof Error ? error : new Error(String(error)) }
    }
  }

  /** Of the present candidacy: what an earlier one still says is of no interest. */
  #listener: MembershipListener | undefined

  #decide(): void {
    const port = this.#port
    const run = this.#run
    if (run === undefined) {
      this.#letGo()
      if (port !== undefined && this.#outcome === undefined) this.#startWhenDue(port)
      return
    }
    this.#runner.extend(this.#validUntil(run))
    if (run.stopping || port?.holds(TENURE)?.epoch === run.token) return
    run.stopping = true
    this.#options.log('info', 'asked to let go; stopping the program', { event: 'tenure.revoked', token: run.token })
    this.#runner.stop()
  }

  #startWhenDue(port: MembershipPort): void {
    const holding = port.holds(TENURE)
    if (holding === undefined || port.view().state !== 'member') return
    const { clock, command, graceMs, log } = this.#options
    const now = clock.now()
    if (now < this.#backOff.notBefore) {
      this.#timer?.clear()
      this.#timer = clock.setTimer(this.#backOff.notBefore, () => this.#decide())
      return
    }
    const token = holding.epoch
    const until = port.view().validUntil
    this.#run = { number: ++this.#runs, token, startedAt: now, stopping: false }
    log('info', `leading; starting ${command[0]}`, { event: 'program.started', token })
    const env = { CAUCUS_TOKEN: String(token) }
    // Asked to end when a fifth of what it has is left, so that it can end by itself before it is killed.
    const leadMs = Math.min(1_000, (until - now) / 5)
    this.#runner.run({ run: this.#runs, command, env, leadMs, graceMs }, until)
  }

  /** Also while it is being let go of; what has ended already ends it now. */
  #validUntil({ token }: Run): Instant {
    const port = this.#port
    const held = port?.view().held.get(TENURE)?.epoch === token ? port.view().validUntil : undefined
    // A pipe carries no infinities, and "now" is as over as "never was".
    const over = this.#options.clock.now() - 1
    return Math.max(held ?? port?.drainUntil({ item: TENURE, epoch: token }) ?? over, over)
  }

  #lost(because: string): void {
    const run = this.#run
    if (run === undefined) return
    this.#options.log('warn', `leadership is lost (${because}); killing the program`, {
      event: 'tenure.lost',
      because,
      token: run.token,
    })
    run.stopping = true
    this.#runner.kill()
    if (because !== 'fenced' && this.#outcome === undefined) this.#quit()
  }

  /**
   * A candidate no more, once that was heard: a renewal on its way may be answered with a new session, or with the word that a newer process
   * has the id. Whether it is one again is decided when the program is gone, too.
   */
  #quit(): void {
    this.#quitting = true
    void this.#port?.leave({ limitMs: LEAVE_LIMIT_MS })
  }

  #ended(error: CaucusError | undefined): void {
    this.#port = undefined
    this.#draining = []
    if (this.#quitting && error === undefined && this.#outcome === undefined) {
      if (this.#run === undefined) this.#campaignAgain()
      return this.#settle()
    }
    if (error !== undefined) this.#outcome = { error }
    this.#outcome ??= { code: 0 }
    if (this.#run !== undefined) this.#runner.kill()
    this.#settle()
  }

  #letGo(): void {
    const items = this.#draining
    this.#draining = []
    if (items.length > 0) this.#port?.drained(items)
  }

  #hear(report: Report): void {
    const run = this.#run
    if (run === undefined || run.number !== report.run) return
    const { command, log } = this.#options
    if (report.type === 'started') return log('debug', 'started', { event: 'program.spawned', pid: report.pid })
    if (report.type === 'unkillable') return this.#warn(run, report.pgid)
    this.#run = undefined
    if (report.type === 'failed') this.#end({ error: cannotRun(command[0], report.code, report.message) })
    else if (report.by === 'itself' && !run.stopping) this.#exited(report)
    else this.#stopped(run, report.by)
    this.#decide()
    this.#settle()
  }

  #exited({ code, signal }: Extract<Report, { type: 'gone' }>): void {
    const how = signal === null ? `exited with ${code}` : `was ended by ${signal}`
    this.#options.log(code === 0 ? 'info' : 'warn', `the program ${how}; resigning`, {
      event: code === 0 ? 'program.finished' : 'program.failed',
      code,
      signal,
    })
    // As a shell would say it.
    this.#end({ code: code ?? 128 + (signal === null ? 0 : constants.signals[signal as NodeJS.Signals]) })
  }

  /** The program was ended: by what was lost, or by what is asked for. */
  #stopped({ token, startedAt }: Run, by: Extract<Report, { type: 'gone' }>['by']): void {
    const { again, clock, log, name } = this.#options
    if (by === 'lease')
      log('warn', 'the lease was about to run out, and the program was ended', { event: 'program.stopped', token })
    if (by === 'loss') {
      const waitMs = this.#backOff.failed(clock.now(), startedAt)
      log('warn', `the program is gone with its watchdog; it is not started again for ${waitMs / 1_000} s`, {
        event: 'watchdog.lost',
        waitMs,
      })
    }
    if (this.#outcome !== undefined) return
    if (!again) return this.#end({ error: leadershipLost(name, token, 'the program was ended for it') })
    // Whoever was asked for it is a candidate still; whoever has lost it waits for it again.
    const isAsked = this.#draining.length > 0 || by === 'loss'
    if (!isAsked && this.#port !== undefined) this.#quit()
    if (this.#port === undefined) this.#campaignAgain()
  }

  #warn(run: Run, pgid: number): void {
    if (run.unkillable) return
    run.unkillable = true
    this.#options.log(
      'error',
      `the program cannot be killed (process group ${pgid}): it runs as another user, as with sudo, or hangs in the kernel. It may ` +
        'outlive its lease, when somebody else leads. End it by hand, and run this command itself as the user of the program',
      { event: 'kill.failed', pgid },
    )
  }

  #end(outcome: { readonly code: number } | { readonly error: Error }): void {
    if (this.#outcome !== undefined) return
    this.#outcome = outcome
    this.#timer?.clear()
    if (this.#run !== undefined) {
      this.#run.stopping = true
      this.#runner.stop()
    }
    this.#port?.leave({ limitMs: LEAVE_LIMIT_MS }).then(
      () => {
        this.#port = undefined
        this.#settle()
      },
      (error: unknown) => this.#reject(error),
    )
    this.#settle()
  }

  #settle(): void {
    if (this.#outcome === undefined || this.#port !== undefined || this.#run !== undefined) return
    this.#timer?.clear()
    if ('error' in this.#outcome) this.#reject(this.#outcome.error)
    else this.#resolve(this.#outcome.code)
  }
}
