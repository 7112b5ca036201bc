import type { PeersProfile } from '../peers/conditions.ts'
import type { Mutant } from './mutant.ts'

type PeersMutant = Omit<Mutant, 'level' | 'profile'> & { readonly profile?: PeersProfile }

const BROKEN: readonly PeersMutant[] = [
  {
    name: 'grants-after-its-lease',
    breaks: ['Lead', 'Belief'],
    file: 'runtime/reign.js',
    find: 'authority: () => !this.#over && this.#options.leads(),',
    replace: 'authority: () => !this.#over,',
    profile: 'stalls',
    rule: 'a coordinator takes a step only while its peer leads, by the clock at that very step',
  },
  {
    name: 'leads-by-the-monotonic-clock',
    breaks: ['E4', 'Lead', 'Belief'],
    file: 'runtime/election-driver.js',
    find: 'this.#election.leads(this.#options.clocks.holder.now());',
    replace: 'this.#election.leads(this.#options.clocks.grantor.now());',
    rule: 'a leader counts the time during which its machine slept',
  },
  {
    name: 'begins-before-a-majority-knows',
    breaks: ['E8', 'G3', 'Belief'],
    file: 'runtime/charter-store.js',
    find: 'await this.#replica.save({ instanceId: this.instanceId, foundation });',
    replace: 'this.#replica.save({ instanceId: this.instanceId, foundation }).catch(() => undefined);',
    rule: 'a generation and a ceiling are on a majority before they are used',
  },
  {
    name: 'ceiling-on-the-leaders-disk',
    breaks: ['E8', 'Belief'],
    file: 'core/replication/proposer.js',
    find: 'const decided = reachedByMajority(this.#held.values(), this.#voters.length);',
    replace: 'const decided = Math.max(...this.#held.values());',
    rule: 'what one voter alone has written down is not decided',
  },
  {
    name: 'generation-of-the-earlier-reign',
    breaks: ['E9', 'G3', 'Belief'],
    file: 'core/group/foundation.js',
    find: 'Math.max((stored?.generation ?? 0) + 1, seconds, 1)',
    replace: 'Math.max(stored?.generation ?? 0, seconds, 1)',
    profile: 'stalls',
    rule: 'each reign grants under a later generation than any before',
  },
  {
    name: 'new-leader-grants-at-once',
    breaks: ['Belief'],
    file: 'runtime/reign.js',
    find: 'fresh: fresh && found === undefined && replica.durable,',
    replace: 'fresh: true,',
    rule: 'a new leader gives out nothing unclaimed before the longest lease that any earlier one gave has run out',
  },
  {
    name: 'reign-outlives-its-lease',
    breaks: ['E9', 'G6', 'Belief'],
    file: 'runtime/reigns.js',
    find: 'const reign = this.#current;\n        if (reign === undefined)\n            return;\n        this.#current = undefined;',
    replace:
      "const reign = this.#current;\n        if (reign === undefined || because === 'leaseOver')\n            return;\n        this.#current = undefined;",
    profile: 'stalls',
    rule: 'a lease that is regained is another reign, and the one before is over for good',
  },
  {
    name: 'roll-outlives-a-crash',
    breaks: ['Belief'],
    file: 'core/group/foundation.js',
    find: 'const { roll: _past, ...lasting } = stored ?? {};',
    replace: 'const { ...lasting } = stored ?? {};',
    profile: 'handovers',
    rule: 'the roll of a stop in good order counts for the next reign alone',
  },
  {
    name: 'seat-moves-unheard',
    breaks: ['E9', 'G6', 'G7', 'Roster'],
    file: 'backends/peer/seats.js',
    find: 'this.#known = key;',
    replace: 'return;',
    rule: 'a peer that passes connections on is told when somebody else leads',
  },
  {
    name: 'leader-adoption-gives',
    breaks: ['Belief'],
    file: 'core/group/partition-book.js',
    find: 'session.tenures.set(item, tenure);\n        this.#known[item] = true;',
    replace: 'session.tenures.set(item, tenure);\n        this.#known.fill(true);',
    rule: 'a new leader adopts what is claimed, and gives nothing for it',
  },
  {
    name: 'new-leader-adopts-nothing',
    breaks: ['G7'],
    file: 'core/group/group.js',
    find: 'if (claims)\n            this.#book.adopt',
    replace: 'if (false)\n            this.#book.adopt',
    profile: 'failover',
    rule: 'with everybody alive a failover moves nothing',
  },
  {
    name: 'instance-of-its-own',
    breaks: ['G7', 'G6'],
    file: 'runtime/charter-store.js',
    find: 'this.instanceId = found?.charter.instanceId ?? newInstanceId();',
    replace: 'this.instanceId = newInstanceId();',
    profile: 'failover',
    rule: 'whoever leads, members know the cluster by one name',
  },
  {
    name: 'slow-timer-left',
    breaks: ['U1'],
    file: 'runtime/reigns.js',
    find: '.finally(() => slow.clear())',
    replace: '.finally(() => undefined)',
    rule: 'a peer that is closed leaves no timer',
  },
]

/** Each rule of a coordinator that moves from peer to peer, broken once. */
export const PEERS: readonly Mutant[] = BROKEN.map((mutant) => ({ ...mutant, level: 'peers' as const }))
