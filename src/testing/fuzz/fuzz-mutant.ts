import { rmSync } from 'node:fs'
import { fuzz } from './fuzz.ts'
import type { FuzzMutant } from './mutants.ts'

/** Far more than most need. */
const INPUTS = 6_000
const QUIET_MS = 1_000

/** Fuzzes a server in which one rule is broken. Says whether that was noticed as it has to be; the logs are kept only if it was not. */
export const fuzzMutant = async (
  { mode, layer, expected, inputs = INPUTS, ...broken }: FuzzMutant,
  signal?: AbortSignal,
): Promise<{ readonly noticed: boolean; readonly findings: readonly string[] }> => {
  const { findings, logs } = await fuzz({
    seed: 1,
    inputs,
    modes: [mode],
    layers: [layer],
    broken: [broken],
    quietMs: QUIET_MS,
    ...(signal && { signal }),
  })
  const noticed = expected.test(findings.join('\n'))
  if (noticed && logs !== undefined) rmSync(logs, { recursive: true, force: true, maxRetries: 10 })
  return { noticed, findings }
}
