import { type DiagramEvent, diagram } from './diagram.ts'
import { scenarioLine } from './scenario-line.ts'
import type { Shrunk } from './shrinker.ts'
import type { RunViolation } from './simulation/judged-run.ts'

interface ExplainableRun {
  readonly violation?: object
  readonly deeds: readonly string[]
  trace(): readonly string[]
  story(): readonly DiagramEvent[]
}

/**
 * Everything that is known about a violation, as text: the line that names it, the last lines of its trace, a short scenario that breaks the
 * same, and a space-time diagram of that. For it the run is made again, and `shrunk`.
 */
export const explainRun = <Limits extends object, Run extends ExplainableRun>(
  { seed, profile, step, invariant, message }: RunViolation<string, string>,
  again: (kept?: { readonly limits: Limits; readonly story: true }) => Run,
  shrunk: (whole: Run) => Shrunk<Limits, Run>,
): string => {
  const head = `seed=${seed} step=${step} invariant=${invariant}: ${message}`
  const whole = again()
  if (whole.violation === undefined)
    return `${head}\nIt did not happen again: the simulator, or the code under it, is another one now.`
  const { limits, runs } = shrunk(whole)
  const short = again({ limits, story: true })
  return [
    head,
    '',
    `The last ${whole.trace().length} lines of its trace:`,
    ...whole.trace(),
    '',
    `The same with ${short.deeds.length} of ${whole.deeds.length} deeds, after ${runs} runs:`,
    scenarioLine({ seed, profile, limits }),
    '',
    diagram(short.story()),
  ].join('\n')
}
