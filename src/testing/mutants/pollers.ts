import type { Mutant } from './mutant.ts'

/** Clients that only poll. */
export const POLLERS: readonly Mutant[] = [
  {
    name: 'settling-answer-acknowledges',
    breaks: ['G4', 'G2'],
    file: 'core/group/poll-group.js',
    find: "if (this.#state === 'settling')\n            return",
    replace: "if (this.#state === 'settling' && (this.#barrierUntil = now))\n            return",
    rule: 'no answer to a poll client is an acknowledgement',
  },
  {
    name: 'poll-delete-acknowledges',
    breaks: ['G4', 'G2'],
    file: 'core/group/poll-group.js',
    find: 'return this.#remove(id, because, now);',
    replace: 'this.#barrierUntil = now;\n        return this.#remove(id, because, now);',
    rule: 'the DELETE of a poll client does not end its belief',
  },
  {
    name: 'poll-barrier-of-two-intervals',
    breaks: ['G4', 'G2'],
    file: 'core/group/poll-group.js',
    find: 'export const POLL_LEASE_INTERVALS = 3;',
    replace: 'export const POLL_LEASE_INTERVALS = 2;',
    rule: 'an unmodified poll client believes for three intervals',
  },
  {
    name: 'poll-start-without-waiting',
    breaks: ['G4', 'G2'],
    file: 'core/group/coordinator.js',
    find: 'fresh ? startedAt : ceilingUntil(foundation, poll.group, startedAt)',
    replace: 'startedAt',
    rule: 'a coordinator that starts waits for poll clients of the one before',
  },
  {
    name: 'poll-namesake',
    breaks: ['G4', 'G2'],
    file: 'core/group/poll-group.js',
    find: 'this.#broken ||= session.index > 0;',
    replace: '',
    rule: 'a poll client that comes back under its id may be another process',
  },
  {
    name: 'poll-grown-view-at-once',
    breaks: ['G2', 'G4'],
    file: 'core/group/poll-group.js',
    find: 'return this.#broken || this.#grown() ?',
    replace: 'return this.#broken ?',
    rule: 'a new view of poll clients waits also when nobody has gone',
  },
  {
    name: 'later-poll-acknowledges',
    breaks: ['G4', 'G2'],
    file: 'core/group/poll-group.js',
    find: 'session.expiresAt = now + this.settings.timeoutMs;',
    replace:
      "session.expiresAt = now + this.settings.timeoutMs;\n            if (this.#state === 'settling') this.#barrierUntil = Math.min(this.#barrierUntil, now + this.settings.pollIntervalMs);",
    rule: 'a later poll is no acknowledgement',
  },
  {
    name: 'poll-without-drift',
    breaks: ['G4', 'G2'],
    file: 'core/group/poll-group.js',
    find: 'grantMs(POLL_LEASE_INTERVALS * pollIntervalMs)',
    replace: 'POLL_LEASE_INTERVALS * pollIntervalMs',
    rule: 'the wait for poll clients allows for clocks, too',
  },
]
