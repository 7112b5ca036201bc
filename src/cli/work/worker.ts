import { isRenumbered } from '../../core/group/holdings.ts'
import type { Holding } from '../../core/group/messages.ts'
import type { Instant, Millis } from '../../core/time.ts'
import type { CaucusError } from '../../errors.ts'
import type { MembershipListener, MembershipPort } from '../../ports/backend.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { LogDetails } from '../../ports/log-events.ts'
import type { LogLevel } from '../../ports/telemetry.ts'
import { BackOff } from './back-off.ts'
import { cannotRun } from './gate.ts'
import type { Start } from './guard.ts'
import type { Report } from './orders.ts'
import { environmentOf, sameHoldings } from './share.ts'

/** What a worker asks of whoever runs its program (`Guard`). */
export interface Runner {
  run(start: Start, until: Instant): void
  extend(until: Instant): void
  stop(): void
  kill(): void
}

export interface WorkerOptions {
  readonly command: readonly [string, ...string[]]
  /** A holder's. */
  readonly clock: Clock
  readonly graceMs: Millis
  join(listener: MembershipListener): MembershipPort
  runner(report: (report: Report) => void): Runner
  log(level: LogLevel, message: string, details: LogDetails): void
}

/**
 * Partitions come one by one, as their earlier owners let go of them. To start anew for each would be to do nothing else, so more is
 * taken on once the group settled or nothing came for so long.
 */
const BATCH_MS: Millis = 1_000
/** How long a goodbye may take once everything is let go. */
const LEAVE_LIMIT_MS: Millis = 2_000

interface Run {
  readonly number: number
  readonly items: readonly Holding[]
  readonly startedAt: Instant
  stopping: boolean
  unkillable?: boolean
}

/**
 * Keeps a program running with the share of one membership, never with another one: what is revoked is acknowledged only after the whole
 * process group of the program is gone, and the program's deadline is that of the first of its items to end.
 */
export class Worker implements MembershipListener {
  readonly #options: WorkerOptions
  readonly #port: MembershipPort
  readonly #runner: Runner
  /** A membership may speak before its `join` has returned. */
  #joined = false
  #run: Run | undefined
  #runs = 0
  /**
   * The epoch that the last program was told. The next one is told no lower one, also when what had the highest epoch went to somebody
   * else: storage has seen it with what is left. Whatever anybody is granted later has a higher one.
   */
  #epoch = 0
  /** Revoked, and to be acknowledged once no program is there any more. */
  #draining: Holding[] = []
  #grantedAt: Instant = Number.NEGATIVE_INFINITY
  readonly #backOff = new BackOff()
  /** The end of the lease for whose sake the program was ended. Before that is extended nothing is started: it would end at once. */
  #spentUntil: Instant = Number.NEGATIVE_INFINITY
  #timer: Timer | undefined
  #ending = false
  #left = false
  #outcome: { readonly code: number } | { readonly error: Error } | undefined
  #resolve: (code: number) => void = () => undefined
  #reject: (error: unknown) => void = () => undefined

  /** Resolves with the exit code once the program is gone and the group was left; rejects with what ended the membership. */
  readonly done: Promise<number>

  constructor(options: WorkerOptions) {
    this.#options = options
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#runner = options.runner((report) => this.#hear(report))
    this.#port = options.join(this)
    this.#joined = true
    this.#decide()
  }

  /** Ends the program, lets go, says so, and is done with `code`. Called again: the program is killed at once. */
  finish(code: number): void {
    if (this.#ending) return this.#runner.kill()
    this.#leave({ code })
  }

  changed(): void {
    this.#decide()
  }

  granted(items: readonly Holding[]): void {
    this.#grantedAt = this.#options.clock.now()
    this.#options.log('debug', 'granted', { event: 'share.granted', items: items.map(({ item }) => item) })
  }

  drain(items: readonly Holding[]): void {
    this.#draining.push(...items)
    this.#decide()
  }

  lost(items: readonly Holding[], because: string): void {
    const run = this.#run
    if (
      run === undefined ||
      !items.some((lost) =>
        sameHoldings(
          [lost],
          run.items.filter(({ item }) => item === lost.item),
        ),
      )
    ) {
      return
    }
    this.#options.log('warn', `the share is lost (${because}); killing the program`, { event: 'share.lost', because })
    run.stopping = true
    this.#runner.kill()
  }

  refused(error: CaucusError): void {
    // What will not be otherwise next time comes back as the last word.
    if (error.retriable)
      this.#options.log('warn', `refused, and tried again: ${error.message}`, {
        event: 'join.refused',
        code: error.code,
      })
  }

  ended(error: CaucusError | undefined): void {
    this.#left = true
    if (error !== undefined) this.#outcome = { error }
    this.#ending = true
    if (this.#run !== undefined) this.#runner.kill()
    this.#settle()
  }

  #decide(): void {
    if (!this.#joined) return
    const now = this.#options.clock.now()
    const run = this.#run
    if (run === undefined) {
      this.#acknowledge()
      if (!this.#ending) this.#startWhenDue(now)
      return
    }
    this.#runner.extend(this.#validUntil(run))
    if (run.stopping) return
    const share = this.#share(now)
    if (sameHoldings(run.items, share)) return
    const kept = run.items.every((item) =>
      sameHoldings(
        [item],
        share.filter((other) => other.item === item.item),
      ),
    )
    if (kept && !this.#isQuiet(now)) return this.#lookAgain(this.#grantedAt + BATCH_MS)
    run.stopping = true
    this.#options.log('info', 'the share changed; stopping the program', { event: 'share.changed' })
    this.#runner.stop()
  }

  #acknowledge(): void {
    const items = this.#draining
    this.#draining = []
    if (items.length > 0) this.#port.drained(items)
  }

  #startWhenDue(now: Instant): void {
    const items = this.#share(now)
    if (items.length === 0 || this.#port.view().validUntil <= this.#spentUntil) return
    if (!this.#isQuiet(now)) return this.#lookAgain(this.#grantedAt + BATCH_MS)
    if (now < this.#backOff.notBefore) return this.#lookAgain(this.#backOff.notBefore)
    const run: Run = { number: ++this.#runs, items, startedAt: now, stopping: false }
    const until = this.#validUntil(run)
    const { command, graceMs } = this.#options
    const env = environmentOf(items, this.#port.view().share, this.#epoch)
    this.#epoch = Number(env.CAUCUS_EPOCH)
    this.#run = run
    const told = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== null))
    this.#options.log('info', `starting ${command[0]}`, { event: 'program.started', ...told })
    // Asked to end when a fifth of what it has is left, so that it can end by itself before it is killed.
    this.#runner.run({ run: run.number, command, env, leadMs: Math.min(1_000, (until - now) / 5), graceMs }, until)
  }

  /** What may be acted on now. */
  #share(now: Instant): readonly Holding[] {
    const { held, validUntil, state } = this.#port.view()
    return state === 'member' && now < validUntil ? [...held.values()] : []
  }

  #isQuiet(now: Instant): boolean {
    const { share, group } = this.#port.view()
    return share === 'index' || group === 'settled' || now >= this.#grantedAt + BATCH_MS
  }

  /** When the first of its items ends; one that has ended already ends it now. */
  #validUntil({ items }: Run): Instant {
    const { held, validUntil } = this.#port.view()
    const ends = items.map((holding) => {
      const now = held.get(holding.item)
      if (now?.epoch === holding.epoch || isRenumbered(holding, now)) return validUntil
      return this.#port.drainUntil(holding) ?? Number.NEGATIVE_INFINITY
    })
    // A pipe carries no infinities, and "now" is as over as "never was".
    return Math.max(Math.min(...ends), this.#options.clock.now() - 1)
  }

  #lookAgain(at: Instant): void {
    this.#timer?.clear()
    this.#timer = this.#options.clock.setTimer(at, () => this.#decide())
  }

  #hear(report: Report): void {
    const run = this.#run
    if (run === undefined || run.number !== report.run) return
    const { command, log } = this.#options
    if (report.type === 'started') return log('debug', 'started', { event: 'program.spawned', pid: report.pid })
    if (report.type === 'unkillable') return this.#warn(run, report.pgid)
    this.#run = undefined
    if (report.type === 'failed') {
      this.#leave({ error: cannotRun(command[0], report.code, report.message) })
    } else if (report.by === 'loss' && !this.#ending) {
      const waitMs = this.#backOff.failed(this.#options.clock.now(), run.startedAt)
      log('warn', `the program is gone with its watchdog; it is not started again for ${waitMs / 1_000} s`, {
        event: 'watchdog.lost',
        waitMs,
      })
    } else if (report.by === 'itself' && !run.stopping && !this.#ending) {
      this.#exited(run, report)
    } else {
      if (report.by === 'lease') this.#spentUntil = this.#port.view().validUntil
      log(
        'info',
        report.by === 'lease' ? 'the lease was about to run out, and the program was ended' : 'the program is gone',
        { event: 'program.stopped' },
      )
    }
    this.#decide()
    this.#settle()
  }

  #warn(run: Run, pgid: number): void {
    if (run.unkillable) return
    run.unkillable = true
    this.#options.log(
      'error',
      `the program cannot be killed (process group ${pgid}): it runs as another user, as with sudo, or hangs in the kernel. It may ` +
        'outlive its lease, when others get its share. End it by hand, and run this command itself as the user of the program',
      { event: 'kill.failed', pgid },
    )
  }

  #exited(run: Run, { code, signal }: Extract<Report, { type: 'gone' }>): void {
    if (code === 0) {
      this.#options.log('info', 'the program has finished', { event: 'program.finished' })
      return this.#leave({ code: 0 })
    }
    const waitMs = this.#backOff.failed(this.#options.clock.now(), run.startedAt)
    const how = signal === null ? `exited with ${code}` : `was ended by ${signal}`
    this.#options.log('warn', `the program ${how}; it is started again in ${waitMs / 1_000} s`, {
      event: 'program.failed',
      code,
      signal,
      waitMs,
    })
  }

  #leave(outcome: { readonly code: number } | { readonly error: Error }): void {
    if (this.#ending) return
    this.#ending = true
    this.#outcome = outcome
    this.#timer?.clear()
    if (this.#run !== undefined) {
      this.#run.stopping = true
      this.#runner.stop()
    }
    this.#port.leave({ limitMs: LEAVE_LIMIT_MS }).then(
      () => {
        this.#left = true
        this.#settle()
      },
      (error: unknown) => this.#reject(error),
    )
  }

  #settle(): void {
    if (!this.#left || this.#run !== undefined) return
    this.#timer?.clear()
    const outcome = this.#outcome ?? { code: 0 }
    if ('error' in outcome) this.#reject(outcome.error)
    else this.#resolve(outcome.code)
  }
}
