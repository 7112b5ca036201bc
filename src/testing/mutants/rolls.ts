import type { Mutant } from './mutant.ts'

/** Who may still hold something after a stop in good order. */
export const ROLLS: readonly Mutant[] = [
  {
    name: 'empty-roll',
    breaks: ['G4', 'G2'],
    file: 'core/group/testament.js',
    find: 'filter(([, bootIds]) => bootIds.length > 0)',
    replace: 'filter(() => false)',
    profile: 'restarts',
    rule: 'everybody who may hold something is in the roll',
  },
  {
    name: 'roll-without-the-fenced',
    breaks: ['G4', 'G2'],
    file: 'core/group/group.js',
    find: '[...this.sessions.values(), ...this.#ghosts.values()]',
    replace: '[...this.sessions.values()]',
    profile: 'restarts',
    rule: 'who was fenced or evicted and may still believe is in the roll',
  },
  {
    name: 'roll-of-an-earlier-stop',
    breaks: ['G4', 'G2'],
    file: 'core/group/foundation.js',
    find: 'const { roll: _past, ...lasting } = stored ?? {};',
    replace: 'const { ...lasting } = stored ?? {};',
    profile: 'restarts',
    rule: 'a roll is used by the next start alone, and taken out before that one gives anything',
  },
  {
    name: 'roll-of-what-was-heard',
    breaks: ['G4', 'G2'],
    file: 'core/group/coordinator.js',
    find: 'const missing = overtaken ? {} : this.#rollCall.missing;',
    replace: 'const missing = {};',
    profile: 'restarts',
    rule: 'whoever has not answered a coordinator is in the roll that it leaves, or there is none',
  },
  {
    name: 'any-word-answers-the-roll',
    breaks: ['G4', 'G2'],
    file: 'core/group/group.js',
    find: 'if (answers)\n            this.#answered(message.bootId);',
    replace: 'this.#answered(message.bootId);',
    profile: 'restarts',
    rule: 'only whoever has claimed, or holds nothing, has answered the roll',
  },
]
