import { invariant } from '../machine.ts'

/** Something that waits for its turn. The fields belong to the `Desk`. */
export interface Job {
  stage: 'new' | 'waiting' | 'running' | 'over'
  before: Job | undefined
  after: Job | undefined
}

/** A list whose members know their neighbours, so that each leaves in constant time and nothing is made for it. */
class Line {
  first: Job | undefined = undefined
  #last: Job | undefined = undefined
  size = 0

  add(job: Job): void {
    job.before = this.#last
    if (this.#last === undefined) this.first = job
    else this.#last.after = job
    this.#last = job
    this.size++
  }

  remove(job: Job): void {
    if (job.before === undefined) this.first = job.after
    else job.before.after = job.after
    if (job.after === undefined) this.#last = job.before
    else job.after.before = job.before
    job.before = undefined
    job.after = undefined
    this.size--
  }
}

/** A producer's own order: so many at a time, the others in the order in which they came, and no more than so many of those. */
export class Desk<Item extends Job> {
  readonly #concurrency: number
  readonly #limit: number
  readonly #running = new Line()
  readonly #waiting = new Line()

  constructor(concurrency: number, limit: number) {
    this.#concurrency = concurrency
    this.#limit = limit
  }

  get running(): number {
    return this.#running.size
  }

  get waiting(): number {
    return this.#waiting.size
  }

  get isIdle(): boolean {
    return this.#running.size === 0 && this.#waiting.size === 0
  }

  /** What becomes of a new one: it is to be started now, it waits, or it is one too many. */
  admit(job: Item): 'start' | 'wait' | 'refuse' {
    // Nobody overtakes those who wait.
    if (this.#running.size < this.#concurrency && this.#waiting.size === 0) {
      this.#run(job)
      return 'start'
    }
    if (this.#waiting.size >= this.#limit) {
      job.stage = 'over'
      return 'refuse'
    }
    job.stage = 'waiting'
    this.#waiting.add(job)
    return 'wait'
  }

  /** It is not needed any more. True when it runs: then it keeps its place until it is `done`, since a handler may ignore its signal. */
  cancel(job: Item): boolean {
    if (job.stage === 'waiting') this.#end(job, this.#waiting)
    return job.stage === 'running'
  }

  /** One that ran has ended. Gives the one whose turn it is. */
  done(job: Item): Item | undefined {
    invariant(job.stage === 'running', 'what ends has been running')
    this.#end(job, this.#running)
    const next = this.#waiting.first
    if (next === undefined || this.#running.size >= this.#concurrency) return undefined
    this.#waiting.remove(next)
    this.#run(next)
    // Only items of this desk are in its lines.
    return next as Item
  }

  /** Those that run. */
  *atWork(): Iterable<Item> {
    for (let job = this.#running.first; job !== undefined; job = job.after) yield job as Item
  }

  /** Forgets those who wait. */
  clear(): void {
    while (this.#waiting.first !== undefined) this.#end(this.#waiting.first, this.#waiting)
  }

  #run(job: Job): void {
    job.stage = 'running'
    this.#running.add(job)
  }

  #end(job: Job, line: Line): void {
    line.remove(job)
    job.stage = 'over'
  }
}
