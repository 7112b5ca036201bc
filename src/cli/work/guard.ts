import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Instant } from '../../core/time.ts'
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

/**
 * The wrapper's end of its watchdog process. One run at a time, and the next one only after `gone` or `failed` of the last.
 *
 * The deadline is held twice, there and here: if the watchdog itself is killed or stopped, this process kills the program.
 */
export class Guard {
  readonly #options: GuardOptions
  #watchdog: ChildProcess | undefined
  #current: { readonly run: number; pid?: number; until: Instant } | undefined
  #timer: Timer | undefined
  #closed = false

  constructor(options: GuardOptions) {
    this.#options = options
    this.#watchdog = this.#spawn()
  }

  run(start: Start, until: Instant): void {
    this.#current = { run: start.run, until }
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
    if (this.#current !== undefined) this.#send({ type: 'stop', run: this.#current.run })
  }

  kill(): void {
    if (this.#current === undefined) return
    this.#send({ type: 'kill', run: this.#current.run })
    this.#strike()
  }

  /** Ends the watchdog, and with it whatever still runs. */
  close(): void {
    this.#closed = true
    this.#timer?.clear()
    if (this.#watchdog?.connected) this.#watchdog.disconnect()
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
    watchdog.on('message', (report: Report) => this.#hear(report))
    watchdog.once('error', (error) => this.#lose(watchdog, error.message))
    watchdog.once('exit', (code, signal) => this.#lose(watchdog, signal ?? `exit ${code}`))
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
      this.#arm()
    } else {
      this.#timer?.clear()
      this.#current = undefined
    }
    this.#options.report(report)
  }

  /** By our own clock, in case that the watchdog's does not run. */
  #arm(): void {
    this.#timer?.clear()
    const current = this.#current
    if (current === undefined) return
    this.#timer = this.#options.clock.setTimer(current.until, () => this.#strike())
  }

  #strike(): void {
    if (this.#current?.pid !== undefined) signalGroup(this.#current.pid, 'SIGKILL')
  }

  #lose(watchdog: ChildProcess, how: string): void {
    if (this.#watchdog !== watchdog) return
    this.#watchdog = undefined
    if (this.#closed) return
    this.#options.lost(how)
    this.#buryAlone()
  }

  #buryAlone(): void {
    const current = this.#current
    if (current === undefined || this.#closed) return
    const { run, pid } = current
    if (pid !== undefined && !isGroupGone(pid)) {
      signalGroup(pid, 'SIGKILL')
      this.#timer?.clear()
      this.#timer = this.#options.clock.setTimer(this.#options.clock.now() + 10, () => this.#buryAlone())
      return
    }
    this.#hear({ type: 'gone', run, code: null, signal: 'SIGKILL', by: 'order' })
  }
}
