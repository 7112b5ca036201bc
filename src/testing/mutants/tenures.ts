import type { Mutant } from './mutant.ts'

/** How an election goes from hand to hand. */
export const TENURES: readonly Mutant[] = [
  {
    name: 'newcomer-takes-over',
    breaks: ['T1'],
    file: 'core/group/manner.js',
    find: 'return [member.id];',
    replace: 'continue;',
    rule: 'whoever leads goes on, whoever comes',
  },
  {
    name: 'last-come-first-served',
    breaks: ['T2'],
    file: 'core/group/manner.js',
    find: 'member.incarnation < first.incarnation',
    replace: 'member.incarnation > first.incarnation',
    rule: 'candidates get it in the order in which they came',
  },
  {
    name: 'namesake-goes-on',
    breaks: ['T2'],
    file: 'core/group/manner.js',
    find: 'assign: (_items, members) => {',
    replace:
      'assign: (_items, members, [owner]) => {\n        if (members.some(({ id }) => id === owner))\n            return [owner];',
    rule: 'whoever comes back under the same id has to wait again',
  },
  {
    name: 'second-leader-at-once',
    breaks: ['G4'],
    file: 'core/group/partition-book.js',
    find: 'let because = this.#known[item] ?',
    replace: "if (this.#partitions === 1)\n            return 'released';\n        let because = this.#known[item] ?",
    rule: 'nobody leads while somebody else may believe to',
  },
  {
    name: 'token-of-the-plan',
    breaks: ['G3', 'Effect'],
    file: 'core/group/partition-book.js',
    find: 'epoch ??= this.#desk.nextEpoch();',
    replace: 'epoch ??= this.#epoch;',
    rule: 'epochs are per item and rise with every grant',
  },
  {
    name: 'resigning-frees-at-once',
    breaks: ['G4', 'G2'],
    file: 'core/group/letting-go.js',
    find: 'book.yield(tenure, now);',
    replace: 'book.release(tenure);',
    rule: 'whoever leaves goes on having what it still drains',
  },
  {
    name: 'nobody-after-the-last',
    breaks: ['G8'],
    file: 'core/group/manner.js',
    find: 'return [first?.id];',
    replace: 'return [members.length > 1 ? undefined : first?.id];',
    rule: 'as long as there are candidates, one of them leads',
  },
]
