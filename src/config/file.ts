import { CaucusError } from '../errors.ts'
import { type Config, otherPeers } from './config.ts'
import { parseJson } from './json.ts'
import { ConfigReader } from './reader.ts'
import { checkTiming, type TimingViolation, worstFailoverMs, worstTakeoverMs } from './safety.ts'

const MAX_FILE_CHARS = 1_000_000

/**
 * What the text of a configuration file says.
 *
 * Throws `CAUCUS_INVALID_CONFIG` that names every fault by its path: unknown keys with the nearest known one, wrong types, syntax
 * with line and column. Whether the timing is safe is a question of its own: `checkConfig`.
 */
export const parseConfig = (text: string, file: string): Config => {
  if (text.length > MAX_FILE_CHARS) {
    throw new CaucusError('CAUCUS_INVALID_CONFIG', `${file} is longer than ${MAX_FILE_CHARS} characters`)
  }
  const reader = new ConfigReader()
  const config = reader.config(parseJson(text, file))
  const { faults } = reader
  if (faults.length === 0) return config
  throw new CaucusError('CAUCUS_INVALID_CONFIG', `${file}: ${faults.join('; ')}`, { details: { file, faults } })
}

export interface ConfigReport {
  readonly ok: boolean
  readonly violations: readonly TimingViolation[]
  readonly worstFailoverMs: number
  readonly worstTakeoverMs: number
}

/** Every unsafe relation of the file's timing and of its groups', and the worst cases over all of them. */
export const checkConfig = (config: Config): ConfigReport => {
  const peers = otherPeers(config).length > 0 || config.seeds !== undefined
  const own = [...config.groups].flatMap(([name, group]) =>
    group.timing === undefined ? [] : [[name, group.timing] as const],
  )
  const violations = [
    ...checkTiming(config.timing, { peers }),
    ...own.flatMap(([name, each]) =>
      checkTiming(each, { peers }).map((found) => ({ ...found, rule: `groups.${name}: ${found.rule}` })),
    ),
  ]
  const all = [config.timing, ...own.map(([, each]) => each)]
  return {
    ok: violations.length === 0,
    violations,
    worstFailoverMs: Math.max(...all.map((each) => worstFailoverMs(each, { peers }))),
    worstTakeoverMs: Math.max(...all.map(worstTakeoverMs)),
  }
}
