import type { Ask } from './explore-built.ts'

/** Mutants within reach of a small exploration, and the one that must find each: a check that cannot fail is worthless. */
export const IN_REACH: readonly (Ask & { readonly mutant: string })[] = [
  { mutant: 'totals-differ', scene: 'index-newcomer', depth: 0, troubles: 0 },
  { mutant: 'validity-is-a-flag', scene: 'index-takeover', depth: 1, troubles: 0 },
  { mutant: 'new-incarnation-at-once', scene: 'partitions-namesake', depth: 1, troubles: 0 },
  { mutant: 'no-barrier', scene: 'index-newcomer', depth: 3, troubles: 0 },
  { mutant: 'revoke-and-grant-in-one-step', scene: 'partitions-newcomer', depth: 3, troubles: 0 },
  { mutant: 'settled-before-granted', scene: 'partitions-newcomer', depth: 3, troubles: 0 },
  { mutant: 'settled-before-the-barrier', scene: 'index-newcomer', depth: 3, troubles: 0 },
  { mutant: 'older-renewal-applied', scene: 'partitions-newcomer', depth: 3, troubles: 1 },
  { mutant: 'evicting-is-leaving', scene: 'partitions-newcomer', depth: 4, troubles: 1 },
  { mutant: 'blank-directory-skips-the-wait', scene: 'partitions-blank', depth: 5, troubles: 0 },
  { mutant: 'shorter-lease-ignores-the-ceiling', scene: 'partitions-shorter', depth: 5, troubles: 0 },
  { mutant: 'lapsed-item-claimed', scene: 'partitions-takeover', depth: 5, troubles: 1 },
  { mutant: 'first-view-at-once', scene: 'index-lonely-failover', depth: 11, troubles: 0 },
  { mutant: 'adoption-gives', scene: 'partitions-lonely-failover', depth: 8, troubles: 0 },
  { mutant: 'first-grants-at-once', scene: 'partitions-lonely-failover', depth: 8, troubles: 0 },
  { mutant: 'epoch-given-twice', scene: 'partitions-newcomer', depth: 6, troubles: 0 },
]
