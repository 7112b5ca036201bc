import type { Mutant } from './mutant.ts'

/** What must go on. */
export const LIVENESS: readonly Mutant[] = [
  {
    name: 'expires-early',
    breaks: ['G5'],
    file: 'core/group/group.js',
    find: 'session.renewedAt = now;\n        session.expiresAt = now + this.#grantMs;',
    replace: 'session.renewedAt = now;\n        session.expiresAt = now + this.#grantMs / 5;',
    profile: 'quiet',
    rule: 'without faults nobody is expired',
  },
  {
    name: 'debounce-without-cap',
    breaks: ['G6'],
    file: 'core/group/group.js',
    find: 'this.#firstChangeAt + this.settings.settleCapMs',
    replace: 'Number.POSITIVE_INFINITY',
    profile: 'churn',
    rule: 'the debounce is capped, so that steady churn cannot hold it for ever',
  },
  {
    name: 'drain-without-limit',
    breaks: ['G6', 'core'],
    file: 'core/group/book.js',
    find: 'if (now < tenure.revokedAt + desk.settings.drainLimitMs)',
    replace: 'if (true)',
    rule: 'a drain is renewed for its limit and no longer',
  },
  {
    name: 'nothing-is-adopted',
    breaks: ['G7'],
    file: 'core/group/group.js',
    find: 'if (claims)\n            this.#book.adopt',
    replace: 'if (false)\n            this.#book.adopt',
    profile: 'failover',
    rule: 'a failover with everybody alive moves nothing',
  },
  {
    name: 'settled-before-granted',
    breaks: ['G8'],
    file: 'core/group/partition-book.js',
    find: 'return this.#pending.size === 0;',
    replace: 'return true;',
    rule: 'a settled view is never left half granted (partitions)',
  },
  {
    name: 'settled-before-the-barrier',
    breaks: ['G8'],
    file: 'core/group/index-book.js',
    find: 'return !this.#due;',
    replace: 'return true;',
    rule: 'a settled view is never left half granted (indexes)',
  },
  {
    name: 'lost-push-orphans',
    breaks: ['G6', 'G8'],
    file: 'core/group/group.js',
    find: "hole ||= state === 'held';\n                this.#book.release(tenure);",
    replace: "hole ||= state === 'held';",
    rule: 'what a renewal does not list, though it has seen the grant, is released and granted again',
  },
]
