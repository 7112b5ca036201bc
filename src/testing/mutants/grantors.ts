import type { Mutant } from './mutant.ts'

/** How those who grant wait. */
export const GRANTORS: readonly Mutant[] = [
  {
    name: 'no-drift',
    breaks: ['G4', 'G2'],
    file: 'core/lease.js',
    find: '(leaseMs * (1 + drift)) / (1 - drift)',
    replace: 'leaseMs',
    rule: 'a grantor waits for the lease times (1+ε)/(1−ε)',
  },
  {
    name: 'wall-clock-on-the-grantor',
    breaks: ['G4', 'G2', 'G6'],
    file: 'testing/simulation/coordinator-process.js',
    find: 'this.clock.monotonicMs(this.agenda.now)',
    replace: 'this.clock.wallMs(this.agenda.now)',
    rule: 'a grantor uses the monotonic clock alone',
  },
  {
    name: 'acknowledgement-without-epoch',
    breaks: ['G4', 'G2'],
    file: 'core/group/letting-go.js',
    find: 'if (tenure?.epoch !== epoch)',
    replace: 'if (tenure === undefined)',
    rule: 'acknowledgements quote the epoch; others are ignored',
  },
  {
    name: 'older-renewal-applied',
    breaks: ['Order', 'G4', 'G2'],
    file: 'core/group/group.js',
    find: 'known) {\n            if (message.sequence <= session.sequence)\n                return;',
    replace: 'known) {',
    rule: 'a grantor ignores an older sequence',
  },
  {
    name: 'unseen-grant-released',
    breaks: ['G4', 'G2'],
    file: 'core/group/letting-go.js',
    find: 'else if (seen >= grantOrder) {',
    replace: 'else {',
    rule: 'only a renewal that has seen the grant can give it back by not listing it',
  },
  {
    name: 'order-of-another-session',
    breaks: ['G4', 'G2'],
    file: 'core/group/letting-go.js',
    find: 'message.incarnation === session.incarnation && message.order <= session.order ? message.order : -1',
    replace: 'message.order',
    rule: 'order numbers are those of one session',
  },
  {
    name: 'cap-beats-barrier',
    breaks: ['G4', 'G2'],
    file: 'core/group/index-book.js',
    find: 'if (lapsed(tenure, now))',
    replace: 'if (lapsed(tenure, now) || now >= (tenure.revokedAt ?? now) + this.#desk.settings.settleCapMs)',
    rule: 'the cap bounds the debounce, never the barrier',
  },
  {
    name: 'no-barrier',
    breaks: ['G4', 'G2'],
    file: 'core/group/index-book.js',
    find: 'if (this.#due && this.#departing.size === 0 && this.#desk.hasEpoch())\n                this',
    replace: 'if (this.#due && this.#desk.hasEpoch())\n                this',
    rule: 'no view before every holder of an earlier one has acknowledged, left or lapsed',
  },
  {
    name: 'revoke-and-grant-in-one-step',
    breaks: ['G4', 'G2'],
    file: 'core/group/partition-book.js',
    find: 'if (lapsed(tenure, now)) {',
    replace: "if (lapsed(tenure, now) || tenure.state === 'revoked') {",
    rule: 'never revoke and grant one partition in one step',
  },
  {
    name: 'overrun-forced',
    breaks: ['G4', 'G2'],
    file: 'core/group/book.js',
    find: 'tenure.until = desk.horizon(tenure.session, now);',
    replace: 'tenure.until = now;',
    rule: 'a drain that overruns its limit is not renewed and waited for; it is never forced',
  },
  {
    name: 'new-incarnation-at-once',
    breaks: ['G4', 'G2'],
    file: 'core/group/group.js',
    find: 'this.#book.orphan(session, this.#horizon(session, now));',
    replace: "this.#book.orphan(session, because === 'fenced' ? now : this.#horizon(session, now));",
    rule: 'a newer incarnation is given the share only after the older let go or its lease ran out',
  },
  {
    name: 'evicting-is-leaving',
    breaks: ['G4', 'G2'],
    file: 'core/group/group.js',
    find: "this.#remove(session, 'evicted', now);",
    replace: `{
            for (const tenure of [...session.tenures.values()])
                this.#book.release(tenure);
            this.#remove(session, 'evicted', now);
        }`,
    rule: 'a delete by somebody else is not an acknowledgement',
  },
]
