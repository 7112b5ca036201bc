import { invariant } from '../../core/machine.ts'
import { Violation } from '../simulation/violation.ts'
import { type Action, enabled, isTrouble, perform, show } from './actions.ts'
import { assertBared, fingerprint } from './fingerprint.ts'
import type { Scene } from './scenes.ts'
import type { SmallWorld } from './small-world.ts'

/** A shortest way to break an invariant. */
export interface Counterexample {
  readonly invariant: string
  readonly message: string
  readonly actions: readonly string[]
}

/** What was looked at: every state that up to `depth` actions lead to, of which up to `troubles` are things that go wrong. */
export interface Exploration {
  readonly scene: string
  readonly depth: number
  readonly troubles: number
  readonly states: number
  readonly transitions: number
  readonly counterexample?: Counterexample
}

/** Seen states by one half of their fingerprint: the other half, and how little had gone wrong on the way to it. */
class Seen {
  readonly #states = new Map<number, { second: number; troubles: number }>()

  get size(): number {
    return this.#states.size
  }

  /** True when there is more to find from here than there was before. */
  add([first, second]: readonly [number, number], troubles: number): boolean {
    const known = this.#states.get(first)
    if (known === undefined) {
      this.#states.set(first, { second, troubles })
      return true
    }
    invariant(known.second === second, 'two states have one fingerprint only if they are the same')
    if (known.troubles <= troubles) return false
    known.troubles = troubles
    return true
  }
}

/** How a state was first reached: from which one, by what. The first one is the beginning. */
interface Step {
  readonly from: Step | undefined
  readonly action: Action
}

const pathOf = (step: Step | undefined): Action[] => {
  const path: Action[] = []
  for (let at = step; at !== undefined; at = at.from) path.push(at.action)
  return path.reverse()
}

/**
 * Goes breadth first through everything that can happen in up to `depth` actions from where a scene begins, at most `troubles` of
 * them things that go wrong, and checks every invariant in every state. Machines cannot be copied, so each way is gone anew; a state that was seen is not gone on from again.
 */
export const explore = (scene: Scene, depth: number, troubles: number): Exploration => {
  const seen = new Seen()
  let transitions = 0
  let frontier: (Step | undefined)[] = [undefined]
  const report = (reached: number) => ({ scene: scene.name, depth: reached, troubles, states: seen.size, transitions })
  const opened = attempt(() => {
    const begin = scene.open()
    assertBared(begin.coordinator)
    seen.add(fingerprint(begin.state()), 0)
  })
  // Broken where everything goes well.
  if (opened !== undefined) return { ...report(0), counterexample: { ...opened, actions: [] } }
  for (let level = 1; level <= depth; level++) {
    const next: Step[] = []
    for (const from of frontier) {
      const path = pathOf(from)
      const here = replay(scene, path)
      const had = path.filter(isTrouble).length
      const actions = enabled(here).filter((action) => had < troubles || !isTrouble(action))
      for (const [number, action] of actions.entries()) {
        const world = number === actions.length - 1 ? here : replay(scene, path)
        transitions++
        const broken = attempt(() => {
          perform(world, action)
          world.check()
        })
        if (broken !== undefined) {
          return { ...report(level), counterexample: { ...broken, actions: [...path, action].map(show) } }
        }
        const soFar = had + (isTrouble(action) ? 1 : 0)
        if (seen.add(fingerprint(world.state()), soFar) && level < depth) next.push({ from, action })
      }
    }
    frontier = next
  }
  return report(depth)
}

const replay = (scene: Scene, path: readonly Action[]): SmallWorld => {
  const world = scene.open()
  for (const action of path) perform(world, action)
  return world
}

const attempt = (deed: () => void): Omit<Counterexample, 'actions'> | undefined => {
  try {
    deed()
    return undefined
  } catch (error) {
    // A broken invariant of the core's own is a finding like any other.
    const invariant = error instanceof Violation ? error.invariant : 'core'
    return { invariant, message: error instanceof Error ? error.message : String(error) }
  }
}
