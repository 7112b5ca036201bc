import type { GroupEvent } from '../../core/group/reasons.ts'
import { isCaucusError } from '../../errors.ts'
import type { Backend } from '../../ports/backend.ts'
import { type Bench, faultText } from '../cluster/bench.ts'
import type { EventLoop } from '../cluster/event-loop.ts'

/** Reads what happens in one group for as long as the world is there: each event comes once, in order. */
export class EventBook {
  readonly #bench: Bench
  readonly #group: string
  readonly #happened: (event: GroupEvent) => void
  readonly #over = new AbortController()
  #last: readonly [number, number] = [0, 0]
  #listens = false

  constructor(bench: Bench, group: string, happened: (event: GroupEvent) => void) {
    this.#bench = bench
    this.#group = group
    this.#happened = happened
  }

  /** Calling it again changes nothing. */
  listen(loop: EventLoop, backend: Backend): void {
    if (this.#listens) return
    this.#listens = true
    loop.run(() => void this.#read(backend))
  }

  async #read(backend: Backend): Promise<void> {
    const { signal } = this.#over
    try {
      for await (const item of backend.events({ group: this.#group, signal })) {
        if ('type' in item) continue
        this.#check(item.revision)
        this.#happened(item.event)
      }
    } catch (error) {
      if (signal.aborted || isCaucusError(error)) return
      this.#bench.findings.add('Program', undefined, `reading events failed: ${faultText(error)}`)
    } finally {
      this.#listens = false
    }
  }

  #check(revision: string): void {
    const [generation = 0, number = 0] = revision.split('-').map(Number)
    const [lastGeneration, last] = this.#last
    if (generation < lastGeneration || (generation === lastGeneration && number <= last))
      this.#bench.findings.add('Order', undefined, `the event ${revision} came after ${this.#last.join('-')}`)
    this.#last = [generation, number]
  }

  close(): void {
    this.#over.abort()
  }
}
