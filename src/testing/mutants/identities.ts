import type { Mutant } from './mutant.ts'

/** Who is who, and for how long the gone are remembered. */
export const IDENTITIES: readonly Mutant[] = [
  {
    name: 'same-process-fences-itself',
    breaks: ['G5', 'Order'],
    file: 'core/group/group.js',
    find: 'const known = session?.bootId === message.bootId;',
    replace: 'const known = session?.bootId === message.bootId && message.incarnation !== undefined;',
    rule: 'the same boot id gets the same incarnation: a repeated join does not fence itself',
  },
  {
    name: 'older-fences-newer',
    breaks: ['Order'],
    file: 'core/group/group.js',
    find: '(message.incarnation ?? 0) < rival.incarnation',
    replace: 'false',
    rule: 'a newer incarnation fences an older one, never the other way round',
  },
  {
    name: 'no-tombstone',
    breaks: ['Order', 'G5'],
    file: 'core/group/group.js',
    find: 'this.#tombstones.add(bootId, { because, sequence, until: this.#remembered(now) });',
    replace: 'this.#tombstones.add(bootId, { because, sequence, until: now });',
    rule: 'a leave leaves a tombstone for the grant time',
  },
  {
    name: 'tombstone-ends-before-the-ceiling',
    breaks: ['Order', 'G6', 'G4'],
    file: 'core/group/group.js',
    find: 'return Math.max(now + this.#grantMs, this.#ceilingUntil);',
    replace: 'return now + this.#grantMs;',
    profile: 'restarts',
    rule: 'a tombstone lasts at least until the ceiling',
  },
  {
    name: 'patience-runs-during-a-stall',
    breaks: ['G5'],
    file: 'core/group/roster.js',
    find: 'session.expiresAt += forMs;',
    replace: ';',
    profile: 'stalls',
    rule: "patience does not run during one's own stall",
  },
  {
    name: 'claim-after-the-ceiling',
    breaks: ['Order', 'G4', 'G6'],
    file: 'core/group/claims.js',
    find: 'return now < to.until && generationOf',
    replace: 'return generationOf',
    rule: 'after the ceiling wait nothing is claimed',
  },
]
