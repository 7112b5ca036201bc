import { type ChildProcess, spawn } from 'node:child_process'
import type { Instant, Millis } from '../../core/time.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import { gated, whyNotRunnable } from './gate.ts'
import type { Order, Report } from './orders.ts'
import { isGroupGone, signalGroup } from './process-group.ts'
import { remainingMs, type Validity } from './validity.ts'

/** How often it is looked whether the group is gone: at first often, since whoever waits for it does no work meanwhile. */
const LOOK_MS: Millis = 10
const LOOK_LATER_MS: Millis = 50
/** Whatever is there so long after its first SIGKILL will not end by itself soon. */
const SURVIVES_MS: Millis = 1_000

type Run = Extract<Order, { type: 'run' }>
type By = 'itself' | 'order' | 'lease'

/**
 * One run of somebody else's program in a process group of its own, ended no later than its validity, whatever it does. It waits behind
 * a gate until `open`.
 */
export class Program {
  readonly #order: Run
  readonly #clock: Clock
  readonly #report: (report: Report) => void
  readonly #child: ChildProcess | undefined
  #until: Instant
  #askedAt: Instant | undefined
  #by: By = 'itself'
  #kill = false
  #killedAt: Instant | undefined
  #unkillable = false
  #exit: { readonly code: number | null; readonly signal: string | null } | undefined
  #gone = false
  #looks = 0
  #timer: Timer | undefined

  constructor(order: Run, clock: Clock, report: (report: Report) => void) {
    this.#order = order
    this.#clock = clock
    this.#report = report
    this.#until = clock.now() + remainingMs(order.validity)
    const environment = environmentOf(order)
    const why = whyNotRunnable(order.command[0], environment.PATH)
    if (why !== undefined) {
      this.#failed(why, `spawn ${order.command[0]} ${why}`)
      return
    }
    const { file, args, env } = gated(order.command, environment)
    // A session of its own, hence a group of its own. It is born here, so it has a watchdog from its first instant.
    this.#child = spawn(file, args, { detached: true, stdio: ['pipe', 'inherit', 'inherit'], env })
    this.#child.once('error', (error) => {
      if (this.#child?.pid === undefined) this.#failed('UNKNOWN', `the shell that starts it: ${error.message}`)
    })
    // Nobody is behind the gate any more, which `exit` tells.
    this.#child.stdin?.on('error', () => undefined)
    this.#child.once('exit', (code, signal) => {
      this.#exit = { code, signal }
      this.#look()
    })
    this.#child.once('spawn', () => report({ type: 'started', run: order.run, pid: this.#pgid }))
    this.#look()
  }

  get run(): number {
    return this.#order.run
  }

  get gone(): boolean {
    return this.#gone
  }

  /** What has been asked to end before it began does not begin. */
  open(): void {
    this.#look()
    if (this.#askedAt === undefined) this.#child?.stdin?.end('\n')
  }

  /** Takes the newest word, also when it is shorter. What has been asked to end is not let off again. */
  extend(validity: Validity): void {
    this.#until = this.#clock.now() + remainingMs(validity)
    this.#look()
  }

  /** SIGTERM now, SIGKILL after the grace or at the end of the validity. */
  stop(): void {
    this.#ask('order')
    this.#look()
  }

  kill(): void {
    this.#ask('order')
    this.#kill = true
    this.#look()
  }

  get #pgid(): number {
    return this.#child?.pid as number
  }

  #failed(code: string, message: string): void {
    this.#gone = true
    this.#timer?.clear()
    this.#report({ type: 'failed', run: this.run, code, message })
  }

  #ask(by: By): void {
    if (this.#gone || this.#askedAt !== undefined) return
    this.#askedAt = this.#clock.now()
    if (this.#exit === undefined) this.#by = by
    if (this.#child?.pid === undefined) return
    this.#signal('SIGTERM')
    // A program that was stopped (SIGSTOP) could not hear that it should end.
    this.#signal('SIGCONT')
  }

  #signal(signal: NodeJS.Signals): void {
    if (signalGroup(this.#pgid, signal) === 'refused') this.#tellUnkillable()
  }

  #tellUnkillable(): void {
    if (this.#unkillable) return
    this.#unkillable = true
    this.#report({ type: 'unkillable', run: this.run, pgid: this.#pgid })
  }

  /** Does whatever the clock and the state of the group ask for, and comes back when there will be more to do. */
  #look(): void {
    this.#timer?.clear()
    if (this.#gone || this.#child?.pid === undefined) return
    const now = this.#clock.now()
    if (this.#exit !== undefined) {
      if (isGroupGone(this.#pgid)) return this.#end(this.#exit)
      // What the program left behind in its group works on the same share.
      this.#ask('itself')
    } else if (now >= this.#until - this.#order.leadMs) this.#ask('lease')
    const killAt = Math.min(this.#until, (this.#askedAt ?? Number.POSITIVE_INFINITY) + this.#order.graceMs)
    if (this.#kill || now >= killAt) {
      if (now >= this.#until && this.#exit === undefined && this.#by === 'itself') this.#by = 'lease'
      this.#killedAt ??= now
      if (now >= this.#killedAt + SURVIVES_MS) this.#tellUnkillable()
      this.#signal('SIGKILL')
      return this.#arm(now + this.#lookMs())
    }
    if (this.#exit !== undefined) this.#arm(Math.min(killAt, now + this.#lookMs()))
    else this.#arm(this.#askedAt === undefined ? this.#until - this.#order.leadMs : killAt)
  }

  #lookMs(): Millis {
    return ++this.#looks <= 50 ? LOOK_MS : LOOK_LATER_MS
  }

  #arm(at: Instant): void {
    this.#timer = this.#clock.setTimer(at, () => this.#look())
  }

  #end({ code, signal }: { code: number | null; signal: string | null }): void {
    this.#gone = true
    this.#report({ type: 'gone', run: this.run, code, signal, by: this.#by })
  }
}

const environmentOf = ({ env }: Run): NodeJS.ProcessEnv => {
  const result: NodeJS.ProcessEnv = { ...process.env }
  for (const [name, value] of Object.entries(env)) {
    if (value === null) delete result[name]
    else result[name] = value
  }
  return result
}
