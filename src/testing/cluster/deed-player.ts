import type { Millis } from '../../core/time.ts'
import type { Chronicle } from './chronicle.ts'
import type { Later, Undo } from './member-deeds.ts'
import type { Timeline } from './timeline.ts'

/** Something that goes wrong, as data. */
export interface Scheduled<Name extends string> {
  /** Counted from when the faults begin. */
  readonly atMs: Millis
  readonly fault: Name
}

export interface Player<Done> {
  readonly bench: { readonly timeline: Timeline; readonly chronicle: Chronicle }
  do(fault: Done, later: Later): void
  textOf(fault: Done): string
}

/** Does what a schedule says, when it says so, and undoes what is still to come when everything is healed. */
export class DeedPlayer<Name extends string, Done extends Scheduled<Name>> {
  readonly #player: Player<Done>
  readonly #undo = new Set<Undo>()
  readonly counts = new Map<Name, number>()
  #over = false

  constructor(player: Player<Done>) {
    this.#player = player
  }

  arrange(schedule: readonly Done[]): void {
    const { timeline } = this.#player.bench
    for (const fault of schedule) timeline.after(fault.atMs, () => this.#do(fault))
  }

  #do(fault: Done): void {
    if (this.#over) return
    const { timeline, chronicle } = this.#player.bench
    timeline.stir()
    this.counts.set(fault.fault, (this.counts.get(fault.fault) ?? 0) + 1)
    chronicle.note({ at: timeline.nowMs, who: 'world', what: this.#player.textOf(fault), kind: 'fault' })
    this.#player.do(fault, (ms, undo) => this.#later(ms, undo))
  }

  #later(ms: number, undo: Undo): void {
    const { timeline } = this.#player.bench
    const once = () => {
      if (!this.#undo.delete(once)) return
      timeline.stir()
      undo()
    }
    this.#undo.add(once)
    if (this.#over) once()
    else timeline.after(ms, once)
  }

  /** Nothing goes wrong any more, and whatever was to be undone is undone now. */
  heal(): void {
    this.#over = true
    for (const undo of [...this.#undo]) undo()
  }
}
