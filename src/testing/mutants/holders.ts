import type { Mutant } from './mutant.ts'

/** How belief is counted by those who hold. */
export const HOLDERS: readonly Mutant[] = [
  {
    name: 'lease-from-reply-time',
    breaks: ['G4'],
    file: 'core/group/member.js',
    find: 'const until = holderUntil(sentAt,',
    replace: 'const until = holderUntil(now,',
    rule: 'a lease counts from the send of the renewal, not from its answer',
  },
  {
    name: 'pushed-grant-from-receipt',
    breaks: ['G4'],
    file: 'core/group/member.js',
    find: 'const sentAt = this.#sends.answered(message.sequence);',
    replace: `const logged = this.#sends.answered(message.sequence);
        const sentAt = logged !== undefined && this.lastQuoted === message.sequence ? now : logged;
        this.lastQuoted = message.sequence;`,
    rule: 'a pushed grant counts from the renewal that it quotes',
  },
  {
    name: 'answers-out-of-order',
    breaks: ['G4', 'G2', 'G6'],
    file: 'core/group/member.js',
    find: 'if (message.incarnation === this.#incarnation && message.order <= this.#order)',
    replace: 'if (false)',
    rule: 'a holder applies only answers with a newer order number',
  },
  {
    name: 'lapsed-item-claimed',
    breaks: ['G4', 'G2'],
    file: 'core/group/member.js',
    find: 'this.#lapse(now);\n        this.#take(input, now);',
    replace: 'this.#take(input, now);',
    rule: 'only what has a running lease at that send is claimed',
  },
  {
    name: 'validity-is-a-flag',
    breaks: ['G4', 'G2'],
    file: 'core/group/holdings.js',
    find: 'return now < this.#validUntil ? this.#held.get(item) : undefined;',
    replace: 'return this.#held.get(item);',
    rule: 'validity is computed at every read',
  },
  {
    name: 'monotonic-clock-of-the-holder',
    breaks: ['G4', 'G2'],
    file: 'core/time.js',
    find: 'Math.max(monotonicMs, wallMs, sinceBootMs)',
    replace: 'monotonicMs',
    rule: 'a holder takes the pessimistic reading of its clocks',
  },
  {
    name: 'older-coordinator-obeyed',
    breaks: ['G4', 'G2', 'G6', 'G7'],
    file: 'core/group/member.js',
    find: 'if (message.generation !== this.#generation) {',
    replace: 'if (message.generation > (this.#generation ?? 0)) {',
    profile: 'failover',
    rule: 'a holder applies only answers from its current coordinator generation',
  },
  {
    name: 'drain-outlives-its-lease',
    breaks: ['G4', 'G2'],
    file: 'core/group/holdings.js',
    find: 'if (revoked.get(draining.item) === draining.epoch)',
    replace: 'if (true)',
    rule: 'what is in neither list of an answer ends with the lease that it has',
  },
  {
    name: 'lower-epoch-accepted',
    breaks: ['G4', 'G2', 'G6', 'Effect'],
    file: 'core/group/holdings.js',
    find: 'if (epoch <= (this.#seen.get(name) ?? 0))',
    replace: 'if (false)',
    rule: 'nothing is accepted at or below an epoch that was seen or let go',
  },
]
