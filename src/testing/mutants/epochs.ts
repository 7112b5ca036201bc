import type { Mutant } from './mutant.ts'

/** Epochs, and what is told about them. */
export const EPOCHS: readonly Mutant[] = [
  {
    name: 'epochs-restart',
    breaks: ['G3', 'Effect', 'G6'],
    file: 'core/group/foundation.js',
    find: 'Math.max((stored?.generation ?? 0) + 1, seconds, 1)',
    replace: '1',
    rule: 'the generation of a coordinator rises with every start',
  },
  {
    name: 'epoch-given-twice',
    breaks: ['G3', 'Effect', 'G6'],
    file: 'core/lease.js',
    find: 'return epochOf(this.#generation, ++this.#counter);',
    replace: 'return epochOf(this.#generation, (this.#counter += this.#counter % 3 === 2 ? -1 : 1));',
    rule: 'epochs rise with every grant',
  },
  {
    name: 'fence-per-index',
    breaks: ['G3', 'Effect'],
    file: 'core/group/index-book.js',
    find: 'const epoch = this.#desk.nextEpoch();',
    replace: `this.perIndex ??= this.#desk.nextEpoch() - 64;
        const epoch = this.perIndex + (members.length % 8) * 8;`,
    rule: "an index's epoch is its view's and rises over the whole group",
  },
  {
    name: 'two-have-index-1',
    breaks: ['G1', 'G2', 'G8', 'core'],
    file: 'core/group/index-book.js',
    find: 'const index = place + 1;',
    replace: 'const index = Math.max(1, place);',
    rule: 'the indexes of a view are a bijection onto 1 … total',
  },
  {
    name: 'totals-differ',
    breaks: ['G2'],
    file: 'core/group/index-book.js',
    find: '{ item: index, of: total, epoch }',
    replace: '{ item: index, of: total + (place % 2), epoch }',
    rule: 'slots of one epoch agree on the total',
  },
  {
    name: 'order-of-members-turned',
    breaks: ['G1'],
    file: 'core/assignment/modulo.js',
    find: 'const survivors = [...new Set(previous)].filter((id) => incarnations.has(id));',
    replace: 'const survivors = [...new Set(previous)].filter((id) => incarnations.has(id)).reverse();',
    rule: 'survivors keep their relative order',
  },
  {
    name: 'later-epochs-ignored',
    breaks: ['G3', 'Effect', 'G6', 'G4'],
    file: 'core/group/coordinator.js',
    find: 'if (highest <= this.#epochs.last)',
    replace: 'if (true)',
    profile: 'restarts',
    rule: 'a coordinator that meets a later epoch takes a later generation',
  },
]
