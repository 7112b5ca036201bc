import type { EtcdProfile } from '../etcd/conditions.ts'
import type { Mutant } from './mutant.ts'

type EtcdMutant = Omit<Mutant, 'level' | 'profile'> & { readonly profile?: EtcdProfile }

/** What a member may take for an answer, and says. */
const MEMBERS: readonly EtcdMutant[] = [
  {
    name: 'reads-no-coordinator',
    breaks: ['Belief', 'Work'],
    file: 'backends/etcd/link.js',
    find: 'this.#learn(coordinator?.value.generation, instance, revision)',
    replace: 'this.#learn(undefined, instance, revision)',
    profile: 'misfortunes',
    rule: 'a renewal counts only while nobody coordinates under another generation than that of the share',
  },
  {
    name: 'watch-extends-belief',
    breaks: ['Belief', 'Work'],
    file: 'backends/etcd/seat.js',
    find: 'return this.#read !== undefined && share.modRevision > this.#read.revision;',
    replace:
      'this.#read = { revision: share.modRevision, sequence: this.#latest.message.sequence };\n        return true;',
    profile: 'misfortunes',
    rule: 'what a watch brings counts under the lease of the last renewal',
  },
  {
    name: 'belief-from-the-answer',
    breaks: ['Belief', 'Work'],
    file: 'backends/etcd/seat.js',
    find: 'this.#read = { revision, sequence };',
    replace: 'this.#read = { revision, sequence: this.#latest.message.sequence };',
    profile: 'misfortunes',
    rule: 'a belief counts from the send of the reading that it rests on',
  },
  {
    name: 'late-session-undoes-a-newer-one',
    breaks: ['Order', 'Belief'],
    file: 'backends/etcd/round.js',
    find: "when.push({ key, of: 'modRevision', is: seat.modRevision });",
    replace: '',
    profile: 'late',
    rule: 'a session is written over nothing but what its member knows to lie there',
  },
  {
    name: 'readings-in-no-order',
    breaks: ['G5', 'G6', 'G7'],
    file: 'backends/etcd/seat.js',
    find: 'this.#order++;',
    replace: 'if (this.#orders.at(-1)?.order !== message.order)\n            this.#order++;',
    profile: 'quiet',
    rule: 'an answer that is read again is a later one',
  },
]

/** Who coordinates, and what it writes. */
const COORDINATORS: readonly EtcdMutant[] = [
  {
    name: 'elected-beside-another',
    breaks: ['Lead', 'G3', 'Belief'],
    file: 'backends/etcd/candidacy.js',
    find: "when: [{ key: keys.coordinator, of: 'createRevision', is: 0 }],",
    replace: 'when: [],',
    rule: 'who coordinates is whoever created the key',
  },
  {
    name: 'writes-without-the-election',
    breaks: ['Lead'],
    file: 'backends/etcd/guarded-writer.js',
    find: "{ key: keys.coordinator, of: 'createRevision', is: elected },",
    replace: '',
    rule: 'every write of a coordinator compares the create revision of its key',
  },
  {
    name: 'writes-without-a-turn',
    breaks: ['Order', 'Belief'],
    file: 'backends/etcd/guarded-writer.js',
    find: "{ key: keys.turn, of: 'modRevision', is: this.#turn },",
    replace: '',
    profile: 'late',
    rule: 'a write of a coordinator that was given up fails once a later one was made',
  },
  {
    name: 'first-grants-of-a-reign-at-once',
    breaks: ['Belief'],
    file: 'backends/etcd/reign.js',
    find: 'fresh: fresh === true && found === undefined,',
    replace: 'fresh: true,',
    rule: 'whoever is elected gives out nothing unclaimed before the longest lease that an earlier one gave has run out',
  },
  {
    name: 'no-time-for-writes',
    breaks: ['Belief', 'Work'],
    file: 'backends/etcd/reign.js',
    find: '{ ...message, leaseMs: message.leaseMs - writeMs }',
    replace: '{ ...message }',
    profile: 'misfortunes',
    rule: 'a coordinator reckons with a lease that is longer by what a write may take',
  },
  {
    name: 'late-write-ends-nothing',
    breaks: ['Belief', 'Work'],
    file: 'backends/etcd/guarded-writer.js',
    find: 'return since === undefined || this.#options.clock.now() - since < this.#options.writeMs;',
    replace: 'return true;',
    profile: 'misfortunes',
    rule: 'a write that takes too long ends its coordination',
  },
  {
    name: 'gone-frees-at-once',
    breaks: ['Belief', 'Work'],
    file: 'core/group/roster.js',
    find: 'session.renewedAt = now;\n        session.expiresAt = now + lastsMs;',
    replace: 'session.renewedAt = now - lastsMs;\n        session.expiresAt = now;',
    profile: 'misfortunes',
    rule: 'what a session held is granted again only the grant time after it was seen to be gone',
  },
  {
    name: 'presence-renews-nothing',
    breaks: ['Belief', 'Work'],
    file: 'core/group/session.js',
    find: "presence === 'vouched' ? now : renewedAt",
    replace: 'renewedAt',
    profile: 'misfortunes',
    rule: 'a session that is there counts as renewed in each step',
  },
  {
    name: 'returned-session-is-the-same',
    breaks: ['G6', 'Belief'],
    file: 'backends/etcd/sessions-mirror.js',
    find: 'before.createRevision !== createRevision)',
    replace: 'before.createRevision === undefined)',
    profile: 'misfortunes',
    rule: 'a session that went and came back is another one',
  },
  {
    name: 'gone-unseen',
    breaks: ['G6'],
    file: 'backends/etcd/sessions-mirror.js',
    find: 'if (!there.has(key))\n                this.#lost(key);',
    replace: '',
    profile: 'misfortunes',
    rule: 'whoever lists sessions anew learns who is gone',
  },
  {
    name: 'shares-of-nobody',
    breaks: ['G6'],
    file: 'backends/etcd/reign.js',
    find: 'if (seat === undefined || !mirror.has(seat))',
    replace: 'if (seat === undefined)',
    rule: 'what earlier coordinators left for nobody is taken away',
  },
  {
    name: 'reign-adopts-nothing',
    breaks: ['G7'],
    file: 'core/group/group.js',
    find: 'if (claims)\n            this.#book.adopt',
    replace: 'if (false)\n            this.#book.adopt',
    profile: 'failover',
    rule: 'nothing moves when a coordinator dies',
  },
  {
    name: 'key-kept-after-the-end',
    breaks: ['U1'],
    file: 'backends/etcd/reign.js',
    find: 'this.#keeper?.close();',
    replace: '',
    rule: 'whoever coordinates no more keeps no key',
  },
]

/** Each rule of groups on etcd (docs/adr/0026-groups-on-etcd.md), broken once. */
export const ETCD: readonly Mutant[] = [...MEMBERS, ...COORDINATORS].map((mutant) => ({
  ...mutant,
  level: 'etcd' as const,
}))
