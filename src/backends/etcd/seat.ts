import type { CoordinatorMessage, MemberMessage, Renew, ShareMessage } from '../../core/group/messages.ts'
import type { Generation } from '../../core/lease.ts'
import type { Instant, Millis } from '../../core/time.ts'
import type { Revision } from './engine.ts'
import type { Seat as SeatName } from './keys.ts'
import { isNews } from './news.ts'
import type { HeadRecord, SessionRecord, ShareRecord } from './records.ts'

/** What is read in one transaction about one seat. `undefined`: nothing is there. */
export interface Found<Value> {
  readonly value: Value
  readonly createRevision: Revision
  readonly modRevision: Revision
}

/** One reading of a seat, and the message that it was made for. */
export interface Reading {
  /** Of the store, at which it was made. */
  readonly revision: Revision
  /** Of the message whose sending came before it. */
  readonly sequence: number
  /** Everything that the message says lies there. */
  readonly isSaid: boolean
  readonly session: { readonly createRevision: Revision; readonly modRevision: Revision } | undefined
  readonly share: Found<ShareRecord> | undefined
  readonly head: Found<HeadRecord> | undefined
}

/** A record as it goes out. */
export interface Draft {
  readonly record: SessionRecord
  /** The member's own number of it. */
  readonly sequence: number
}

const isFinal = ({ message }: ShareRecord): boolean =>
  message.type === 'left' ||
  message.type === 'concluded' ||
  (message.type === 'refused' && message.code !== 'CAUCUS_OVERLOADED' && message.code !== 'CAUCUS_UNAVAILABLE')

/**
 * One membership as it lies in etcd: what its member said last, what it was answered, and how the one is told in the words of the other. It
 * judges what was read (docs/adr/0026-groups-on-etcd.md, rules 2 to 4), and reads nothing itself.
 */
export class Seat {
  readonly name: SeatName
  /** The last thing that its member said, and to which coordinator. */
  #latest: { readonly message: MemberMessage; readonly generation: Generation }
  /** When its member was heard last. */
  sentAt: Instant
  /** Of its session key as it is known, with this process's lease. 0: it is not there. */
  modRevision: Revision = 0
  createRevision: Revision = 0
  /** What certainly lies there. */
  #said: { readonly record: SessionRecord; readonly at: Instant } | undefined
  /** Which message is said by which revision of the session key, oldest first; a later one that was no news counts as said with the last. */
  #spoken: { revision: Revision; sequence: number }[] = []
  /** What was said about itself; it is repeated in each record, for those who look. */
  #metadata: unknown
  #share: Found<ShareRecord> | undefined
  #head: Found<HeadRecord> | undefined
  /** The last reading that found its session. */
  #read: { readonly revision: Revision; readonly sequence: number } | undefined
  /** Numbers of answers as the member knows them: each is one more. Which order of the coordinator's they mean, from that number on. */
  #order = 0
  #orders: { readonly from: number; readonly order: number }[] = []
  /** The revision of the last share that was told but once. */
  #toldOnce: Revision = 0
  /** A record was sent as the first one, and nobody knows whether it will still arrive. */
  mayComeBack = false

  constructor(name: SeatName, message: MemberMessage, generation: Generation, now: Instant) {
    this.name = name
    this.#latest = { message, generation }
    this.sentAt = now
    this.take(message, generation, now)
  }

  take(message: MemberMessage, generation: Generation, now: Instant): void {
    this.#latest = { message, generation }
    this.sentAt = now
    if (message.type === 'renew' && message.metadata !== undefined) this.#metadata = message.metadata
  }

  /** A leave stays true, whoever coordinates. Nobody else says it again. */
  leaveTo(generation: Generation): void {
    if (this.isLeaving) this.#latest = { ...this.#latest, generation }
  }

  get isLeaving(): boolean {
    return this.#latest.message.type === 'leave'
  }

  /** For how long its member may believe at most, as far as it was told. */
  leaseMs(defaultMs: Millis): Millis {
    const message = this.#share?.value.message
    return message?.type === 'share' ? message.leaseMs : defaultMs
  }

  /** The end of this membership was told: nothing of it has to lie there any more. */
  get hasEnded(): boolean {
    const share = this.#share
    if (share === undefined || !this.#isOurs(share) || !isFinal(share.value)) return false
    // Its leave lets others have its share at once, so that has to be heard first.
    return !this.isLeaving || share.value.message.type === 'left' || this.#isLeaveHeard(share.value)
  }

  #isLeaveHeard({ heard }: ShareRecord): boolean {
    return this.#said?.record.message.type === 'leave' && heard >= this.modRevision
  }

  /** The last message for a reading, as the coordinator would read it. */
  draft(): Draft {
    const { message, generation } = this.#latest
    const { sequence } = message
    if (message.type === 'leave') return { sequence, record: { generation, message } }
    const order = this.#orderOf(message.order)
    const metadata = this.#metadata
    return {
      sequence,
      record: { generation, message: { ...message, order, ...(metadata !== undefined && { metadata }) } },
    }
  }

  /** Whether a record is to be written. What was not answered for a while is said again, and so is what was refused for the moment. */
  isNews({ record }: Draft, now: Instant, repeatMs: Millis): boolean {
    const said = this.#said
    const ours = this.#share !== undefined && this.#isOurs(this.#share) ? this.#share.value : undefined
    const share = ours?.message.type === 'share' ? ours.message : undefined
    if (said === undefined || isNews(record, { said: said.record, share })) return true
    if (ours === undefined || ours.heard < this.modRevision) return now - said.at >= repeatMs
    return ours.message.type === 'refused' && !isFinal(ours) && record.message.sequence > said.record.message.sequence
  }

  /** It lies there. */
  wrote({ record, sequence }: Draft, revision: Revision, now: Instant): void {
    if (this.modRevision === 0) this.createRevision = revision
    this.modRevision = revision
    this.#said = { record, at: now }
    this.#spoken.push({ revision, sequence })
  }

  /** Nobody knows what lies there: it is said again, whatever it is. */
  doubt(): void {
    this.#said = undefined
    if (this.modRevision === 0) this.mayComeBack = true
  }

  /** Its session is not there any more, or is another etcd's. What it was answered is for that one. */
  forget(): void {
    this.modRevision = 0
    this.createRevision = 0
    this.#said = undefined
    this.#spoken = []
    this.#read = undefined
  }

  /** The revisions of another etcd say nothing here. */
  forgetAll(): void {
    this.forget()
    this.#share = undefined
    this.#head = undefined
    this.#toldOnce = 0
  }

  /** The last answer, whoever it is for. */
  get share(): Found<ShareRecord> | undefined {
    return this.#share
  }

  /** The state of its group, as it was read last. */
  get head(): Found<HeadRecord> | undefined {
    return this.#head
  }

  /** The revision at which it was read last; none is as good as now, since that is under way. */
  get readAt(): Revision {
    return this.#read?.revision ?? Number.POSITIVE_INFINITY
  }

  /** Takes a reading; `wrote` comes first, where the message was written. True: it must be written again. */
  read({ revision, sequence, isSaid, session, share, head }: Reading): boolean {
    if (session === undefined) {
      this.forget()
      return true
    }
    if (session.modRevision !== this.modRevision) {
      // A write of ours that was given up, under a lease that may be an earlier one.
      if (session.createRevision !== this.createRevision) this.forget()
      this.modRevision = session.modRevision
      this.createRevision = session.createRevision
      this.#said = undefined
      return true
    }
    if (isSaid) this.#covered(sequence)
    if (revision >= (this.#read?.revision ?? 0)) this.#read = { revision, sequence }
    if ((share?.modRevision ?? revision) > (this.#share?.modRevision ?? 0)) this.#share = share
    if (head !== undefined && head.modRevision > (this.#head?.modRevision ?? 0)) this.#head = head
    return false
  }

  /** A watch showed it. False: it is known already, or there is no renewal that it could count from. */
  pushed(share: Found<ShareRecord>): boolean {
    if (share.modRevision <= (this.#share?.modRevision ?? 0)) return false
    this.#share = share
    return this.#read !== undefined && share.modRevision > this.#read.revision
  }

  /**
   * What its member is told by what was read or pushed last. The lease runs from the sending of the message that the last reading was made
   * for, also of what was pushed after it.
   */
  answer(generation: Generation | undefined): Exclude<CoordinatorMessage, { type: 'hello' }> | undefined {
    const share = this.#share
    const read = this.#read
    if (share === undefined || read === undefined || !this.#isOurs(share)) return undefined
    const { message } = share.value
    if (message.type === 'share') {
      const said = this.#latest.message
      // Whoever has taken leave of a session believes nothing of it.
      if (said.type === 'leave' && said.incarnation === message.incarnation) return undefined
      if (message.generation !== generation) return undefined
      return this.#shareMessage(share, message, read.sequence)
    }
    if (share.modRevision <= this.#toldOnce) return undefined
    this.#toldOnce = share.modRevision
    return message
  }

  #isOurs({ value }: Found<ShareRecord>): boolean {
    return this.createRevision !== 0 && value.session === this.createRevision
  }

  #shareMessage({ value, modRevision }: Found<ShareRecord>, message: ShareMessage, sequence: number): ShareMessage {
    const head = this.#head
    const isNewer = head !== undefined && head.modRevision > modRevision && head.value.generation >= message.generation
    const { state, epoch, members } = isNewer ? head.value : message
    const heard = this.#heardIn(value.heard)
    this.#order++
    if (this.#orders.at(-1)?.order !== message.order) this.#orders.push({ from: this.#order, order: message.order })
    return { ...message, sequence, heard, order: this.#order, state, epoch, members }
  }

  /** The last message of which everything was said by that revision of the session key. */
  #heardIn(revision: Revision): number {
    const first = this.#spoken.findLastIndex((spoken) => spoken.revision <= revision)
    if (first > 0) this.#spoken.splice(0, first)
    return first < 0 ? 0 : (this.#spoken[0]?.sequence ?? 0)
  }

  /** A message that was not written says nothing that is not written there. */
  #covered(sequence: number): void {
    const last = this.#spoken.at(-1)
    if (last !== undefined && this.#said !== undefined) last.sequence = Math.max(last.sequence, sequence)
  }

  #orderOf(order: Renew['order']): number {
    const place = this.#orders.findLastIndex(({ from }) => from <= order)
    if (place > 0) this.#orders.splice(0, place)
    return place < 0 ? 0 : (this.#orders[0]?.order ?? 0)
  }
}
