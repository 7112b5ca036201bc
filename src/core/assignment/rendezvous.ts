import { hash } from '../hash.ts'
import { compareIds } from '../ids.ts'
import type { Weighted as Sharer } from './weights.ts'

/**
 * Routes `key` to one of `nodes`, or to `undefined` when there are none: highest random weight.
 *
 * A node that leaves moves only the keys it had; one that joins takes its even share from each of the others. Depends on the
 * set of nodes, not on its order. Every caller with the same nodes finds the same one, without asking anybody: this routes,
 * it does not exclude. Source: Thaler and Ravishankar, "Using Name-Based Mappings to Increase Hit Rates",
 * IEEE/ACM Transactions on Networking 6(1), 1998.
 */
export const rendezvous = (key: string, nodes: Iterable<string>): string | undefined => {
  let best: Weighed | undefined
  for (const node of nodes) {
    const candidate = weigh(key, node)
    if (best === undefined || compare(candidate, best) < 0) best = candidate
  }
  return best?.node
}

/** The `count` nodes of highest weight for `key`, best first, each at most once: the one to ask and the ones to try next. */
export const rendezvousTop = (key: string, nodes: Iterable<string>, count: number): string[] =>
  Array.from(new Set(nodes), (node) => weigh(key, node))
    .sort(compare)
    .slice(0, Math.max(0, count))
    .map(({ node }) => node)

/**
 * Routes `key` to one of `nodes` by weight, or to `undefined` when none weighs anything: one of weight 2 gets twice what one of weight 1
 * gets. With equal weights it is `rendezvous`. A node that comes, goes, or changes its weight moves only keys to it or from it.
 *
 * Least of −ln((h + ½) / 2³²) / weight, where h is the published hash of key, U+0000 and id; of equals the first id. Source: Schindelhauer
 * and Schomaker, "Weighted Distributed Hash Tables", SPAA 2005.
 */
export const weightedRendezvous = <Node extends Sharer>(key: string, nodes: Iterable<Node>): Node | undefined => {
  let best: Node | undefined
  let least = Number.POSITIVE_INFINITY
  for (const node of nodes) {
    if (node.weight <= 0) continue
    const score = -Math.log((hash(`${key}\0${node.id}`) + 0.5) / 2 ** 32) / node.weight
    if (score < least || (score === least && best !== undefined && compareIds(node.id, best.id) < 0)) {
      best = node
      least = score
    }
  }
  return best
}

interface Weighed {
  readonly node: string
  readonly weight: number
}

// The key comes first: the state of a 32-bit hash after two long node names may be equal, and then it would be for every key.
// U+0000 separates them, since no id holds a control character.
const weigh = (key: string, node: string): Weighed => ({ node, weight: hash(`${key}\0${node}`) })

const compare = (left: Weighed, right: Weighed): number =>
  right.weight - left.weight || compareIds(left.node, right.node)
