import { Desk, type Job } from '../core/dispatch/desk.ts'
import { CaucusError } from '../errors.ts'

/** What somebody has to do. It must not throw: nobody stands above it who could be told. */
export class Work implements Job {
  stage: Job['stage'] = 'new'
  before: Job | undefined = undefined
  after: Job | undefined = undefined
  readonly run: () => unknown

  constructor(run: () => unknown) {
    this.run = run
  }
}

/**
 * What a thread and its queue were to the original: one piece of work at a time, in the order in which it came, from `start` on. What
 * came earlier waits; `stop` lets what is there be finished.
 */
export class Line {
  readonly #desk: Desk<Work>
  /** Whose turn it is, before it has been started. */
  #first: Work | undefined
  #state: 'new' | 'started' | 'stopping' | 'stopped' = 'new'
  #wasStarted = false
  readonly #stopped: Promise<void>
  #setStopped = () => {}

  constructor(limit: number) {
    this.#desk = new Desk(1, limit)
    this.#stopped = new Promise((resolve) => {
      this.#setStopped = resolve
    })
  }

  get wasStarted(): boolean {
    return this.#wasStarted
  }

  get isStopped(): boolean {
    return this.#state === 'stopping' || this.#state === 'stopped'
  }

  /** What has not been finished. */
  get size(): number {
    return this.#desk.running + this.#desk.waiting
  }

  /** `now`: it is going to run at once; `never`: the line is full, or has been stopped. */
  add(work: Work): 'now' | 'later' | 'never' {
    if (this.isStopped) return 'never'
    const verdict = this.#desk.admit(work)
    if (verdict === 'refuse') return 'never'
    if (verdict === 'wait') return 'later'
    if (this.#state === 'started') {
      this.#begin(work)
      return 'now'
    }
    this.#first = work
    return 'later'
  }

  /** It need not run any more, unless its turn has come. */
  drop(work: Work): void {
    this.#desk.cancel(work)
  }

  start(what: string): void {
    if (this.isStopped) {
      throw new CaucusError('CAUCUS_CLOSED', `this ${what} has been stopped; start a new one`)
    }
    this.#state = 'started'
    this.#wasStarted = true
    const first = this.#first
    this.#first = undefined
    if (first !== undefined) this.#begin(first)
  }

  /** Takes no more. Resolves once what is there is done; where nothing was ever started, at once. */
  stop(): Promise<void> {
    if (!this.isStopped) {
      const isOver = !this.#wasStarted || this.#desk.isIdle
      this.#state = 'stopping'
      if (isOver) this.#end()
    }
    return this.#stopped
  }

  #begin(work: Work): void {
    // Never in the call that brings it: that one is in the middle of something.
    void Promise.resolve(work).then((first) => this.#work(first))
  }

  async #work(first: Work): Promise<void> {
    for (let work: Work | undefined = first; work !== undefined; work = this.#desk.done(work)) await work.run()
    if (this.#state === 'stopping' && this.#desk.isIdle) this.#end()
  }

  #end(): void {
    this.#state = 'stopped'
    this.#first = undefined
    this.#desk.clear()
    this.#setStopped()
  }
}
