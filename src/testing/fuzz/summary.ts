import type { FuzzReport } from './fuzz.ts'

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1)

/** For people: what took how much, what was left afterwards, and what was found. */
export const describeFuzz = ({ inputs, layers, levels, looks, findings, interrupted, logs }: FuzzReport): string => {
  const counts = layers.map(
    ({ mode, layer, inputs: taken, cases, seconds }) =>
      `${mode.padEnd(6)} ${layer.padEnd(11)} ${String(taken).padStart(8)} inputs in ${cases} cases, ${Math.round(taken / seconds)} a second`,
  )
  const kept = levels.map(
    ({ mode, before, after }) =>
      `${mode.padEnd(6)} memory in use ${mib(before.heapBytes)} MiB before, ${mib(after.heapBytes)} after; links ${before.links} and ${after.links}, files ${before.files} and ${after.files}`,
  )
  const end =
    findings.length > 0
      ? [...findings, `everything is written down in ${logs}`]
      : [interrupted ? 'interrupted, nothing found' : 'nothing found']
  return [...counts, ...kept, `${inputs} inputs; the canaries looked ${looks} times`, ...end].join('\n')
}
