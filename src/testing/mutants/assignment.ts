import type { Mutant } from './mutant.ts'

/** Who should have which partition. */
export const ASSIGNMENT: readonly Mutant[] = [
  {
    name: 'partition-without-owner',
    breaks: ['A1', 'G8', 'G6'],
    file: 'core/assignment/sticky.js',
    find: 'return Array.from(owner, (rank) => ids[rank]);',
    replace: 'return Array.from(owner, (rank, item) => (item === 2 && ids.length > 2 ? undefined : ids[rank]));',
    rule: 'every partition has one owner',
  },
  {
    name: 'unequal-loads',
    breaks: ['A2'],
    file: 'core/assignment/sticky.js',
    find: 'return Array.from(owner, (rank) => ids[rank]);',
    replace: 'return Array.from(owner, (rank, item) => ids[item % 4 === 3 ? 0 : rank]);',
    rule: 'loads differ by at most one',
  },
  {
    name: 'order-of-ids-matters',
    breaks: ['A3'],
    file: 'core/assignment/sticky.js',
    find: 'const ids = [...new Set(members)].sort(compareIds);',
    replace: 'const ids = [...new Set(members)];',
    rule: 'the plan depends on the set of members, not on their order',
  },
  {
    name: 'moves-more-than-needed',
    breaks: ['A4'],
    file: 'core/assignment/sticky.js',
    find: 'return Array.from(owner, (rank) => ids[rank]);',
    replace: 'return Array.from(owner, (rank, item) => ids[owner[item ^ 1] ?? rank]);',
    rule: 'moves are the theoretical minimum',
  },
]
