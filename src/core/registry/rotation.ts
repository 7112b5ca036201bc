import type { Weighted } from '../assignment/weights.ts'

/**
 * Whose turn it is: each as often as its weight says, and as evenly as that allows, so that one of weight 5 is not picked five times in a
 * row. With equal weights it is a plain round robin.
 *
 * Each turn everybody's credit grows by its weight; who has most is picked and pays for all. (Smooth weighted round robin, as nginx does it.)
 */
export class Rotation {
  /** Where ties begin, so that many callers who see the same list do not all begin with the same one. */
  readonly #offset: number
  #credits = new Map<string, number>()
  #nodes: readonly Weighted[] = []

  constructor(offset: number) {
    this.#offset = offset
  }

  /** One of `nodes`, or `undefined` when none weighs anything. The same list, as long as it is the same. */
  next<Node extends Weighted>(nodes: readonly Node[]): Node | undefined {
    if (nodes !== this.#nodes) this.#changed(nodes)
    let best: Node | undefined
    let most = Number.NEGATIVE_INFINITY
    let total = 0
    for (let turn = 0; turn < nodes.length; turn++) {
      const node = nodes[(this.#offset + turn) % nodes.length] as Node
      if (node.weight <= 0) continue
      const credit = (this.#credits.get(node.id) ?? 0) + node.weight
      this.#credits.set(node.id, credit)
      total += node.weight
      if (credit <= most) continue
      best = node
      most = credit
    }
    if (best !== undefined) this.#credits.set(best.id, most - total)
    return best
  }

  /** Who comes has neither waited nor been served: it begins with what the others have on average. */
  #changed(nodes: readonly Weighted[]): void {
    const kept = nodes.flatMap(({ id }) => {
      const credit = this.#credits.get(id)
      return credit === undefined ? [] : [[id, credit] as const]
    })
    const average = kept.reduce((sum, [, credit]) => sum + credit, 0) / Math.max(1, kept.length)
    this.#credits = new Map(kept.map(([id, credit]) => [id, credit - average]))
    this.#nodes = nodes
  }
}
