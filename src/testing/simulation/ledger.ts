import type { Holding, ShareKind, ShareMessage } from '../../core/group/messages.ts'
import type { Epoch } from '../../core/lease.ts'
import { must, Violation } from './violation.ts'

/** How the names of members begin that exist only in messages. */
export const STRANGER = 'stranger'

interface Grant {
  readonly owner: string
  readonly of: number | undefined
}

/** All epochs of one thing that has a fence row: a partition, or all the places of an index share. */
interface Row {
  /** By epoch, then by place. */
  readonly grants: Map<Epoch, Map<number, Grant>>
  /** In the order in which they were granted. */
  readonly order: Map<Epoch, number>
  highest: Epoch
}

interface Resource {
  highest: Epoch
  /** The place, in the order of grants, of the latest write that was accepted. */
  latest: number
}

/**
 * The epochs that one group ever handed out, and the resources that are fenced by them. Keys of the resources stand for what users
 * write to: a key moves between indexes, so an index share's row is the group's.
 */
export class Ledger {
  readonly #group: string
  #rows = new Map<string, Row>()
  #resources = new Map<string, Resource>()
  #highest: Epoch = 0
  #grants = 0
  /** How the group shares at present. Another way of sharing is above all epochs of the one before it. */
  #space = ''
  #floor: Epoch = 0

  constructor(group: string) {
    this.#group = group
  }

  /** A coordinator that has lost its store, or never had one, may begin anew; then epochs promise nothing. */
  forget(): void {
    this.#rows = new Map()
    this.#resources = new Map()
    this.#highest = 0
    this.#floor = 0
  }

  /** Looks at everything that a coordinator says somebody holds. */
  said(message: ShareMessage): void {
    // Made-up claims are adopted like any other, but nobody wrote them down before.
    if (message.member.startsWith(STRANGER)) return
    const owner = `${message.member}/${message.incarnation}`
    for (const holding of message.holding) this.#saw(holding, message.share, owner)
  }

  #saw({ item, epoch, of }: Holding, share: ShareKind, owner: string): void {
    const row = this.#row(share, item)
    let places = row.grants.get(epoch)
    if (places === undefined) {
      must(
        epoch > row.highest,
        'G3',
        () => `${owner} was granted ${item}@${epoch} in ${this.#group} after ${row.highest}`,
      )
      places = new Map()
      row.grants.set(epoch, places)
      row.order.set(epoch, ++this.#grants)
      row.highest = epoch
      this.#highest = Math.max(this.#highest, epoch)
    }
    const known = places.get(item)
    if (known === undefined) {
      for (const [place, other] of places) {
        must(
          other.of === of,
          'G2',
          () => `epoch ${epoch} has totals ${other.of} and ${of} (places ${place} and ${item})`,
        )
      }
      places.set(item, { owner, of })
    } else if (known.owner !== owner) {
      throw new Violation(
        'Effect',
        `epoch ${epoch} of ${item} in ${this.#group} went to ${known.owner} and to ${owner}`,
      )
    }
  }

  #row(share: ShareKind, item: number): Row {
    const space = typeof share === 'string' ? share : `${share.partitions}`
    if (space !== this.#space) {
      this.#space = space
      this.#floor = this.#highest
    }
    const name = rowOf(share, item)
    const row = this.#rows.get(name) ?? { grants: new Map(), order: new Map(), highest: 0 }
    this.#rows.set(name, row)
    row.highest = Math.max(row.highest, this.#floor)
    return row
  }

  /** A write with `epoch` arrives at the resource of `key`, which refuses every epoch below the highest it has seen. */
  write(share: ShareKind, holding: Holding, key: number): void {
    const place = this.#rows.get(rowOf(share, holding.item))?.order.get(holding.epoch)
    // Written before the store was lost.
    if (place === undefined) return
    const name = share === 'index' ? `key ${key}` : rowOf(share, holding.item)
    const resource = this.#resources.get(name) ?? { highest: 0, latest: 0 }
    this.#resources.set(name, resource)
    if (holding.epoch < resource.highest) return
    must(
      place >= resource.latest,
      'Effect',
      () => `${name} of ${this.#group} took a write of an earlier owner (@${holding.epoch}) after one of a later`,
    )
    resource.highest = holding.epoch
    resource.latest = place
  }
}

const rowOf = (share: ShareKind, item: number): string =>
  typeof share === 'string' ? share : `${item} of ${share.partitions}`
