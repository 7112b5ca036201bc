import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Instant, Millis } from '../../core/time.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { Order, Report } from './orders.ts'
import { isGroupGone, signalGroup } from './process-group.ts'
import { validUntil } from './validity.ts'

export type Start = Omit<Extract<Order, { type: 'run' }>, 'type' | 'validity'>

export interface GuardOptions {
  /** The clock of `until`: a holder's. */
  readonly clock: Clock
  report(report: Report): void
  /** The watchdog ended without being asked. What it watched is being killed; the next run gets a new one. */
  lost(how: string): void
  /** The module that the watchdog process runs. */
  readonly module?: string
}

/** How long a watchdog may say nothing about a program that is to be dead by now. Then it does not run itself (SIGSTOP). */
const SILENT_MS: Millis = 2_000
/** How often it is looked whether a group without a watchdog is gone: at first often, since its share waits. */
const LOOK_MS: Millis = 10
const LOOK_LATER_MS: Millis = 250

interface Current {
  readonly run: number
  readonly graceMs: Millis
  until: Instant
  killAt: Instant
  pid?: number
  struckAt?: Instant
  unkillable?: boolean
  looks: number
}

/**
 * The wrapper's end of its watchdog process. One run at a time, and the next one only after `gone` or `failed` of the last.
 *
 * The deadline is held twice, there and here: if the watchdog itself is killed or stopped, this process kills the program. It can,
 * because the program begins only once its process id is known here.
 */
export class Guard {
  readonly #options: GuardOptions
  #watchdog: ChildProcess | undefined
  #current: Current | undefined
  #timer: Timer | undefined
  #closed = false

  constructor(options: GuardOptions) {
    this.#options = options
    this.#watchdog = this.#spawn()
  }

  run(start: Start, until: Instant): void {
    this.#current = { run: start.run, graceMs: start.graceMs, until, killAt: Number.POSITIVE_INFINITY, looks: 0 }
    this.#watchdog ??= this.#spawn()
    this.#send({ type: 'run', ...start, validity: this.#validity(until) })
    this.#arm()
  }

  extend(until: Instant): void {
    const current = this.#current
    if (current === undefined || current.until === until) return
    current.until = until
    this.#send({ type: 'extend', run: current.run, validity: this.#validity(until) })
    this.#arm()
  }

  /** SIGTERM, and SIGKILL after the grace. `gone` is reported when the whole process group is. */
  stop(): void {
    if (this.#current === undefined) return
    this.#send({ type: 'stop', run: this.#current.run })
    this.#killAt(this.#options.clock.now() + this.#current.graceMs)
  }

  kill(): void {
    if (this.#current === undefined) return
    this.#send({ type: 'kill', run: this.#current.run })
    this.#killAt(this.#options.clock.now())
    this.#kill()
  }

  /** Ends the watchdog, and with it whatever still runs. */
  close(): void {
    this.#closed = true
    this.stop()
    if (this.#watchdog?.connected) this.#watchdog.disconnect()
    // An idle one that was stopped (SIGSTOP) would keep this process here. It reads the end of its pipe when it is continued.
    if (this.#current === undefined) this.#watchdog?.unref()
  }

  #validity(until: Instant) {
    return validUntil(until, () => this.#options.clock.now())
  }

  #spawn(): ChildProcess {
    const module = this.#options.module ?? fileURLToPath(new URL('../watchdog.js', import.meta.url))
    // A session of its own: neither Ctrl-C in this terminal nor a signal to our process group reaches it.
    const watchdog = spawn(process.execPath, [module], {
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    // What it said before it ended may be read after its end: the process id of what is to be killed may be in there.
    let how: string | undefined
    let heardAll = false
    const end = () => {
      if (how !== undefined && heardAll) this.#lose(watchdog, how)
    }
    watchdog.on('message', (report: Report) => this.#hear(report))
    watchdog.once('disconnect', () => {
      heardAll = true
      end()
    })
    watchdog.once('exit', (code, signal) => {
      how = signal ?? `exit ${code}`
      end()
    })
    // With a process id the error is of one message or signal, and the process is there.
    watchdog.on('error', (error) => {
      if (watchdog.pid === undefined) this.#lose(watchdog, error.message)
    })
    return watchdog
  }

  #send(order: Order): void {
    // A pipe that is broken means a watchdog that is gone, which its `exit` tells.
    if (this.#watchdog?.connected) this.#watchdog.send(order, () => undefined)
  }

  #hear(report: Report): void {
    const current = this.#current
    if (current === undefined || current.run !== report.run) return
    if (report.type === 'started') {
      current.pid = report.pid
      this.#send({ type: 'open', run: current.run })
      this.#arm()
    } else if (report.type !== 'unkillable') {
      this.#timer?.clear()
      this.#current = undefined
    }
    this.#options.report(report)
  }

  #killAt(at: Instant): void {
    if (this.#current === undefined) return
    this.#current.killAt = Math.min(this.#current.killAt, at)
    this.#arm()
  }

  /** By our own clock, in case that the watchdog's does not run. Without a watchdog `#bury` has the timer. */
  #arm(): void {
    const current = this.#current
    if (current === undefined || this.#watchdog === undefined) return
    const { until, killAt, struckAt } = current
    const at = struckAt === undefined ? Math.min(until, killAt) : struckAt + SILENT_MS
    this.#timer?.clear()
    this.#timer = this.#options.clock.setTimer(at, () => this.#strike())
  }

  #strike(): void {
    const current = this.#current
    if (current === undefined) return
    const now = this.#options.clock.now()
    this.#kill()
    current.struckAt ??= now
    // Its end is what brings `#lose`, and then the group is looked at from here.
    if (now >= current.struckAt + SILENT_MS) this.#watchdog?.kill('SIGKILL')
    else this.#arm()
  }

  #kill(): void {
    const current = this.#current
    if (current?.pid === undefined || signalGroup(current.pid, 'SIGKILL') !== 'refused' || current.unkillable) return
    current.unkillable = true
    this.#options.report({ type: 'unkillable', run: current.run, pgid: current.pid })
  }

  #lose(watchdog: ChildProcess, how: string): void {
    if (this.#watchdog !== watchdog) return
    this.#watchdog = undefined
    if (!this.#closed) this.#options.lost(how)
    this.#bury()
  }

  #bury(): void {
    const current = this.#current
    if (current === undefined) return
    const { run, pid } = current
    // Without a process id the gate was never opened, and it is closed for ever now.
    if (pid === undefined || isGroupGone(pid)) {
      this.#hear({ type: 'gone', run, code: null, signal: null, by: 'loss' })
      return
    }
    this.#kill()
    const at = this.#options.clock.now() + (++current.looks <= 50 ? LOOK_MS : LOOK_LATER_MS)
    this.#timer?.clear()
    this.#timer = this.#options.clock.setTimer(at, () => this.#bury())
  }
}
