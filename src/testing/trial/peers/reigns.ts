import type { IntervalRecord } from '../../intervals.ts'
import { type Checker, describeFall, describeOverlap } from '../checker.ts'

/** What a leader claims under its token: nobody else may at any instant, and tokens rise with every leader. */
export const LEADERSHIP = 'leadership'
/** The same once more under its term: no term has two leaders, and terms rise with tokens. */
export const TERMS = 'terms'

/** Processes that may never lead: whatever they claim is one too many. */
export const STRANGER = 'stranger'

/** What is wrong with a claim by itself. */
export const strangeClaim = ({ who, what, epoch }: IntervalRecord): string | undefined =>
  what === LEADERSHIP && who.startsWith(STRANGER) ? `${who}, who may not lead, led under the token ${epoch}` : undefined

/** What is wrong with everything that was claimed so far, one line each. `fenced`: tokens rise, since voters have stores. */
export const reignFaults = (checker: Checker, { fenced }: { readonly fenced: boolean }): string[] => {
  const { overlaps, falls } = checker.check()
  return [
    // Each is claimed twice, and one line is enough.
    ...overlaps
      .filter(({ what }) => what !== TERMS)
      .map((overlap) => `two at one instant: ${describeOverlap(overlap)}`),
    ...(fenced ? falls : falls.filter(({ what }) => what !== LEADERSHIP && what !== TERMS)).map((fall) =>
      fall.what === TERMS && fall.earlier.epoch === fall.later.epoch
        ? `a term with two leaders: ${describeFall(fall)}`
        : `a token that does not rise: ${describeFall(fall)}`,
    ),
  ]
}
