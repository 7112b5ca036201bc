import { type Holding, itemsIn, type MemberMessage, type ShareMessage } from '../../core/group/messages.ts'
import { type Epoch, generationOf, grantMs } from '../../core/lease.ts'
import type { Instant } from '../../core/time.ts'
import { show } from './beliefs.ts'
import { must } from './violation.ts'

interface Promised {
  /** Of the session that it was promised to. */
  readonly incarnation: number
  readonly holding: Holding
  /** By the clock of the coordinator, which is the only one that counts here. */
  readonly until: Instant
  readonly order: number
}

interface Heard {
  incarnation: number
  sequence: number
  order: number
  processedAt: Instant
  readonly promised: Map<number, Promised>
}

/**
 * What one run of the coordinator has confirmed to members of one group, seen only through its messages. It must not give any of that to
 * somebody else before the holder let go or the grant time ran out by its own clock: whatever clocks do, this is in its hands.
 */
export class Promises {
  readonly #members = new Map<string, Heard>()
  /** The highest epoch of each partition that somebody was told to hold. */
  readonly #confirmed = new Map<string, Epoch>()

  /** What a member says it no longer has is not promised to it any more. */
  heard(message: MemberMessage): void {
    const member = this.#members.get(keyOf(message))
    if (member === undefined) return
    if (message.type === 'leave') {
      for (const [item, { incarnation }] of member.promised) {
        if (incarnation === message.incarnation) member.promised.delete(item)
      }
      return
    }
    if (message.sequence <= member.sequence) return
    const listed = [...message.holding, ...message.draining]
    for (const [item, { incarnation, holding, order }] of member.promised) {
      const still = listed.some((other) => other.item === item && other.epoch === holding.epoch)
      const gone = message.acknowledged.some((other) => other.item === item && other.epoch === holding.epoch)
      if (gone || (!still && message.incarnation === incarnation && message.order >= order))
        member.promised.delete(item)
    }
  }

  said(message: ShareMessage, now: Instant): void {
    const key = keyOf(message)
    const member = this.#members.get(key) ?? {
      incarnation: 0,
      sequence: 0,
      order: 0,
      processedAt: now,
      promised: new Map<number, Promised>(),
    }
    this.#members.set(key, member)
    // Who expired and came back has another session, with numbers of its own; what it was promised before is not taken back by that.
    if (message.incarnation !== member.incarnation)
      Object.assign(member, { order: 0, sequence: message.sequence, processedAt: now })
    member.incarnation = message.incarnation
    must(
      message.sequence >= member.sequence,
      'Order',
      () => `${key} was answered to ${message.sequence} after ${member.sequence}`,
    )
    must(
      message.order > member.order,
      'Order',
      () => `${key} was given the order ${message.order} after ${member.order}`,
    )
    if (message.sequence > member.sequence) member.processedAt = now
    member.sequence = message.sequence
    member.order = message.order
    const { incarnation } = message
    const until = member.processedAt + grantMs(message.leaseMs)
    for (const holding of message.holding) {
      this.#checkConfirmed(message, holding)
      const promised = member.promised.get(holding.item)
      const isNew = promised?.holding.epoch !== holding.epoch
      // What was claimed is confirmed, not granted, and whoever claimed it has seen it.
      const adopted = generationOf(holding.epoch) < message.generation
      if (isNew && !adopted) this.#checkGrant(message, holding, now)
      const order = !isNew && promised !== undefined ? promised.order : adopted ? 0 : message.order
      member.promised.set(holding.item, { incarnation, holding, until, order })
    }
    for (const holding of message.revoked) {
      const order = member.promised.get(holding.item)?.order ?? 0
      member.promised.set(holding.item, { incarnation, holding, until, order })
    }
  }

  /** Of two claims to one partition the higher epoch wins, so what is confirmed never falls. */
  #checkConfirmed({ bootId, share }: ShareMessage, holding: Holding): void {
    // Places of an older view stay confirmed until all of the newer one was claimed.
    if (share === 'index') return
    const name = `${holding.item} of ${itemsIn(share)}`
    const highest = this.#confirmed.get(name) ?? 0
    must(
      holding.epoch >= highest,
      'Effect',
      () => `${bootId} was confirmed ${show(holding)} after somebody else had it @${highest}`,
    )
    this.#confirmed.set(name, holding.epoch)
  }

  #checkGrant(message: ShareMessage, holding: Holding, now: Instant): void {
    const { bootId, share } = message
    const key = keyOf(message)
    for (const [other, { promised }] of this.#members) {
      if (other === key) continue
      for (const theirs of promised.values()) {
        const same =
          share === 'index' ? haveKeysInCommon(theirs.holding, holding) : theirs.holding.item === holding.item
        must(!same || theirs.until <= now, 'G4', () => {
          return `${bootId} was granted ${show(holding)} while ${other} was promised ${show(theirs.holding)} until ${theirs.until}, now ${now}`
        })
      }
    }
  }
}

/** Two places of as many are different things, also when one of them has gone on in a later view already. */
const haveKeysInCommon = (one: Holding, other: Holding): boolean => one.of !== other.of || one.item === other.item

/** One process may take part under several member ids, each with a session of its own. */
const keyOf = ({ member, bootId }: MemberMessage | ShareMessage): string => `${member} ${bootId}`
