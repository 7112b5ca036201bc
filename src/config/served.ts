import type { GroupSettings } from '../core/group/book.ts'
import type { ShareKind } from '../core/group/messages.ts'
import type { PollSettings } from '../core/group/poll-group.ts'
import type { Millis } from '../core/time.ts'
import { CaucusError } from '../errors.ts'
import type { Config } from './config.ts'
import type { Timing } from './timing.ts'

/** What a coordinator is told of its groups. */
export interface ServedGroups {
  /** Of groups without settings of their own. */
  readonly defaults: GroupSettings
  readonly groups: ReadonlyMap<string, GroupSettings & { readonly share?: ShareKind }>
}

export const groupSettingsOf = (timing: Timing): GroupSettings => {
  const { leaseMs, settleMs, settleCapMs, drainLimitMs, staticGraceMs } = timing
  return { leaseMs, settleMs, settleCapMs, drainLimitMs, staticGraceMs }
}

/** The groups of a configuration, but the one of bloc's clients. Throws `CAUCUS_INVALID_CONFIG` when that one shares partitions. */
export const servedGroupsOf = (
  groups: Config['groups'],
  timing: Timing,
  pollGroup: string | undefined,
): ServedGroups => {
  const own = new Map<string, GroupSettings & { readonly share?: ShareKind }>()
  for (const [name, group] of groups) {
    const { share } = group
    if (name !== pollGroup) {
      own.set(name, { ...groupSettingsOf(group.timing ?? timing), ...(share !== undefined && { share }) })
    } else if (share !== undefined && share !== 'index') {
      throw new CaucusError(
        'CAUCUS_INVALID_CONFIG',
        `the group "${name}" shares partitions, but it is the one of bloc's clients, who share an index; give them another one`,
      )
    }
  }
  return { defaults: groupSettingsOf(timing), groups: own }
}

/** How the group of bloc's clients behaves, who poll this often; by default as often as they must. */
export const pollSettingsOf = (
  group: string,
  { leaseMs, settleMs, settleCapMs }: Timing,
  pollIntervalMs: Millis = leaseMs,
): PollSettings & { readonly group: string } => ({ group, timeoutMs: leaseMs, settleMs, settleCapMs, pollIntervalMs })
