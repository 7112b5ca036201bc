import type { Random } from '../../core/random.ts'
import type { Millis } from '../../core/time.ts'
import type { RunBench } from './run-bench.ts'

/** A made-up world in which faults happen that are switched on by its conditions. */
interface FaultyWorld<Fault extends string> {
  readonly bench: RunBench<Fault> & {
    readonly conditions: { readonly faults: ReadonlySet<Fault>; readonly deeds?: ReadonlySet<string> | undefined }
  }
}

/** True when it was done: there may be nobody to do it to. */
export type DeedIn<World> = (world: World, random: Random) => boolean

export interface RecurringFaults<Fault extends string, World> {
  /** `undefined`: it happens in another way. */
  deedOf(fault: Fault): DeedIn<World> | undefined
  /** How long until the next time. */
  gapMs(fault: Fault, random: Random): Millis
}

/**
 * Makes each fault that is switched on happen again and again, until the world is healed. Each time is a deed with a name of its own
 * (`crash.3`) and with chances of its own, so that leaving one out leaves the others as they were.
 */
export const arrangeRecurring = <Fault extends string, World extends FaultyWorld<Fault>>(
  world: World,
  { deedOf, gapMs }: RecurringFaults<Fault, World>,
): void => {
  const { bench } = world
  for (const fault of bench.conditions.faults) {
    const deed = deedOf(fault)
    if (deed === undefined) continue
    const random = bench.random.fork(`fault ${fault}`)
    let number = 0
    const again = (): void => {
      bench.agenda.after(gapMs(fault, random), () => {
        if (!bench.faulty) return
        again()
        performDeed(world, fault, `${fault}.${number++}`, deed, random)
      })
    }
    again()
  }
}

/** Does it under its name, unless that one is left out. */
export const performDeed = <Fault extends string, World extends FaultyWorld<Fault>>(
  world: World,
  fault: Fault,
  name: string,
  deed: DeedIn<World>,
  random: Random,
): void => {
  const { bench } = world
  if (bench.conditions.deeds?.has(name) === false) return
  bench.note('fault', fault)
  bench.tell({ who: 'world', kind: 'fault', what: name })
  if (!deed(world, random.fork(name))) return
  bench.count(fault)
  bench.deeds.push(name)
}
