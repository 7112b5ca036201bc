import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { ConfigReader } from '../../config/reader.ts'
import { checkTiming, requireSafe } from '../../config/safety.ts'
import { type ServedGroups, servedGroupsOf } from '../../config/served.ts'
import { timing as presets, resolveTiming, type Timing, type TimingPreset } from '../../config/timing.ts'
import type { ShareKind } from '../../core/group/messages.ts'
import type { Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'

/** How one group behaves, where it differs from the others. */
export interface LocalGroup {
  readonly share?: ShareKind
  readonly timing?: TimingPreset | Partial<Timing>
}

/** The same in every process: whichever of them serves, serves by its own. */
export interface LocalOptions {
  /** Which processes belong together: those of one user on one machine that give the same name. 1 to 64 letters, digits, `.`, `_`, `-`. Default `default`. */
  readonly name?: string
  /**
   * Where they find each other, and where is kept what must not be forgotten; on a disk of this machine, for one user, and for nothing else.
   * Instead of `name`. Default: a directory of this user and `name` under `os.tmpdir()`, which a machine may clear: then `leased`.
   */
  readonly directory?: string
  /** A preset's name, a preset, or some of its numbers. Default `timing.lan`. */
  readonly timing?: TimingPreset | Partial<Timing>
  /** Groups with a share, or a timing, of their own; any other comes into being when somebody joins it. */
  readonly groups?: Readonly<Record<string, LocalGroup>>
  /** How long `connect()` tries to reach whoever serves, or to serve. Default 10 000. */
  readonly connectTimeoutMs?: number
  /** Told of what ends the coordinator in this process by itself, a broken invariant. Default: it is thrown where nobody can miss it. */
  readonly onFault?: (error: unknown) => void
}

/** The options with everything filled in that follows from them. */
export interface SoundLocal {
  readonly directory: string
  /** It was chosen here, under a directory that others may write to as well. */
  readonly isTemporary: boolean
  readonly timing: Timing
  readonly served: ServedGroups
  readonly connectTimeoutMs: Millis
  readonly onFault: ((error: unknown) => void) | undefined
}

const KNOWN = ['name', 'directory', 'timing', 'groups', 'connectTimeoutMs', 'onFault']
const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/
const MAX_TIMER_MS = 2 ** 31 - 1

/** Throws `CAUCUS_INVALID_CONFIG` with everything that is wrong. */
export const soundLocal = (options: LocalOptions): SoundLocal => {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) throw faulty(['it takes an object'])
  const { name = 'default', directory, timing, groups, connectTimeoutMs = 10_000, onFault } = options
  const faults = Object.keys(options)
    .filter((key) => !KNOWN.includes(key))
    .map((key) => `the key ${JSON.stringify(key.slice(0, 64))} is not known; known: ${KNOWN.join(', ')}`)
  if (typeof name !== 'string' || !NAME.test(name))
    faults.push('name must be 1 to 64 letters, digits, ".", "_" or "-", and not begin with "."')
  if (directory !== undefined && (typeof directory !== 'string' || directory === '' || directory.includes('\0')))
    faults.push('directory must be a path')
  if (directory !== undefined && options.name !== undefined)
    faults.push('directory and name both say which processes belong together; leave one of them out')
  if (!(connectTimeoutMs >= 0 && connectTimeoutMs <= MAX_TIMER_MS))
    faults.push(`connectTimeoutMs must be milliseconds from 0 to ${MAX_TIMER_MS}`)
  if (onFault !== undefined && typeof onFault !== 'function') faults.push('onFault must be a function')
  const reader = new ConfigReader()
  const config = reader.config({ ...(timing !== undefined && { timing }), ...(groups !== undefined && { groups }) })
  faults.push(...reader.faults)
  if (faults.length > 0) throw faulty([...new Set(faults)])
  const resolved = resolveTiming(timing ?? presets.lan)
  requireSafe(checkTiming(resolved))
  for (const [group, { timing: own }] of config.groups) {
    const violations = own === undefined ? [] : checkTiming(own)
    requireSafe(violations.map((found) => ({ ...found, rule: `groups.${group}: ${found.rule}` })))
  }
  return {
    directory: directory === undefined ? join(tmpdir(), `caucus-${userOf(process)}`, name) : resolve(directory),
    isTemporary: directory === undefined,
    timing: resolved,
    served: servedGroupsOf(config.groups, resolved, undefined),
    connectTimeoutMs,
    onFault,
  }
}

/** Where users have no numbers, each has a temporary directory of its own. */
const userOf = ({ geteuid }: { geteuid?: () => number }): string => String(geteuid?.() ?? 'user')

const faulty = (faults: readonly string[]): CaucusError =>
  new CaucusError('CAUCUS_INVALID_CONFIG', `local() cannot be used so: ${faults.join('; ')}`, { details: { faults } })
