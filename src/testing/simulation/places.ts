import { type Renew, type ShareMessage, sameShare } from '../../core/group/messages.ts'
import type { GroupEvent } from '../../core/group/reasons.ts'
import type { GroupView } from '../../core/group/view.ts'
import type { Epoch } from '../../core/lease.ts'
import type { Instant, Millis } from '../../core/time.ts'
import type { CoordinatorProcess } from './coordinator-process.ts'
import { itemsOf } from './settlement.ts'
import { must } from './violation.ts'

interface Place {
  readonly items: readonly number[]
  readonly weight: number
  readonly drained: boolean
}

/** One group under one run of the coordinator, as this account of it goes. */
interface Watched {
  /** Who had what when the group settled last; `undefined` once anything has changed but that somebody stopped whose place is kept, or came back to it. */
  whole: ReadonlyMap<string, Place> | undefined
  /** Somebody has come back since. */
  returned: boolean
  epoch: Epoch
  settled: boolean
  frozen: boolean
  /** Those whose place is to be kept when they stop. */
  statics: ReadonlySet<string>
  kept: ReadonlyMap<string, { readonly items: readonly number[]; readonly since: Instant }>
  /** By member: the last share that was said, and what was heard since. */
  readonly said: Map<string, { readonly message: ShareMessage; readonly order: number }>
  /** By process: the last renewal that counted, and when. */
  readonly heard: Map<string, { readonly sequence: number; readonly at: Instant }>
}

export interface Stepped {
  readonly events: readonly GroupEvent[]
  readonly leaver: string | undefined
  readonly leaving: (member: string) => boolean
  /** By the coordinator's clock. */
  readonly at: Instant
}

/**
 * S1, S2, F1, F2, D1: what a group may move, and what not. Seen through what the coordinator says of itself: as long as nothing has changed but
 * that static members stop and come back, everybody keeps what it had when the group settled last.
 */
export class Places {
  #run = 0
  readonly #groups = new Map<string, Watched>()

  #of({ run }: CoordinatorProcess, group: string): Watched {
    if (run !== this.#run) this.#groups.clear()
    this.#run = run
    const known = this.#groups.get(group)
    if (known !== undefined) return known
    const watched: Watched = { ...nothing(), said: new Map(), heard: new Map() }
    this.#groups.set(group, watched)
    return watched
  }

  /** Something else than a stop or a return is a reason to move something. */
  disturbed(coordinator: CoordinatorProcess, group: string): void {
    this.#of(coordinator, group).whole = undefined
  }

  said(coordinator: CoordinatorProcess, message: ShareMessage): void {
    const { said } = this.#of(coordinator, message.group)
    const before = said.get(message.member)
    const alike = before?.message.incarnation === message.incarnation && sameItems(before.message, message)
    said.set(message.member, { message, order: alike ? before.order : message.order })
  }

  heard(coordinator: CoordinatorProcess, message: Renew): void {
    const watched = this.#of(coordinator, message.group)
    const { heard, said, whole } = watched
    const { member, bootId, sequence, weight, generation } = message
    const key = `${member} ${bootId}`
    const isLate = sequence <= (heard.get(key)?.sequence ?? 0)
    const isCurrent = generation === undefined || generation === coordinator.machine.generation
    // A group shares in one way, and numbered places all weigh the same.
    const shared = said.get(member)?.message.share
    const isOther = message.share !== undefined && shared !== undefined && !sameShare(message.share, shared)
    const isRefused = isOther || (typeof shared === 'string' && (weight ?? 1) !== 1)
    if (!isLate && isCurrent && !isRefused) heard.set(key, { sequence, at: coordinator.read() })
    const place = whole?.get(member)
    if (place === undefined) return
    if ((weight !== undefined && weight !== place.weight) || this.#givesBack(watched, message))
      watched.whole = undefined
  }

  /** It no longer has everything that it was told to have, and whose place is not kept for that. */
  #givesBack({ said, kept }: Watched, message: Renew): boolean {
    const told = said.get(message.member)
    if (told === undefined || kept.has(message.member) || message.leaving === true) return false
    const { holding } = told.message
    const has = (items: readonly { item: number }[]) =>
      items.some(({ item }) => holding.some((held) => held.item === item))
    if (message.draining.length > 0 && has(message.draining)) return true
    if (message.acknowledged.length > 0 && has(message.acknowledged)) return true
    return (
      message.incarnation === told.message.incarnation &&
      message.order >= told.order &&
      message.holding.length < holding.length
    )
  }

  /** Once a step is over, of which `events` came. `leaver`: said in it that it is on its way out, as those did that are `leaving`. */
  stepped(coordinator: CoordinatorProcess, view: GroupView, { events, leaver, leaving, at: now }: Stepped): void {
    const watched = this.#of(coordinator, view.name)
    // A group that was forgotten has come anew, with nothing of before.
    if (view.epoch < watched.epoch) Object.assign(watched, nothing())
    watched.epoch = view.epoch
    const before = { kept: watched.kept, settled: watched.settled, whole: watched.whole, statics: watched.statics }
    watched.statics = new Set(view.members.flatMap(({ id, static: isStatic }) => (isStatic === true ? id : [])))
    const { groups, defaults } = coordinator.options
    const graceMs = (groups.get(view.name) ?? defaults).staticGraceMs
    const kept = new Map(
      view.kept?.map(({ id, index, partitions }) => [
        id,
        { items: itemsOf(index, partitions), since: before.kept.get(id)?.since ?? renewedAt(watched, id) ?? now },
      ]),
    )
    watched.kept = kept
    watched.settled = view.state === 'settled'
    const wasFrozen = watched.frozen
    watched.frozen = view.frozen === true
    this.#note(watched, before.kept, view, { events, leaver, leaving })
    for (const [place, event] of events.entries()) {
      this.#checkGrant(view, event, events.slice(place + 1))
      this.#checkRevoke(watched, view.name, event)
      if (wasFrozen && view.frozen === true) checkFrozen(view.name, event, leaving)
      if (event.type === 'place.freed' && event.because === 'graced' && graceMs > 0) {
        const since = before.kept.get(event.member)?.since ?? now
        must(now - since >= graceMs - 1e-6, 'S1', () => {
          return `the place of ${event.member} in ${view.name} was kept for ${now - since} ms, less than ${graceMs}`
        })
      }
      if (event.type === 'group.settling' && event.member !== undefined && kept.has(event.member)) {
        must(!STOPS.has(event.because), 'S1', () => {
          return `${view.name} settles because of ${event.member} (${event.because}), whose place is kept`
        })
      }
    }
    this.#checkStops(watched, before, view, events, { now, graceMs })
    if (before.settled && watched.settled) {
      for (const [id, { items }] of kept) {
        const had = before.kept.get(id)
        must(had === undefined || same(had.items, items), 'S1', () => {
          return `what is kept for ${id} in ${view.name} went from ${had?.items} to ${items} while nothing changed`
        })
      }
    }
    this.#checkWhole(watched, view, leaving)
    if (events.some(({ type }) => type === 'group.settled') && watched.settled) {
      checkPlaces(view, leaving)
      watched.whole = wholeOf(view, leaving)
      watched.returned = false
    }
  }

  /** Forgets what was whole when there is any reason to move something. */
  #note(
    watched: Watched,
    keptBefore: Watched['kept'],
    view: GroupView,
    { events, leaver, leaving }: Omit<Stepped, 'at'>,
  ): void {
    const joined = new Set(events.flatMap((event) => (event.type === 'member.joined' ? event.member : [])))
    const fenced = (id: string) =>
      events.some((event) => event.type === 'member.left' && event.member === id && event.because === 'fenced')
    let stirred = leaver !== undefined && !watched.kept.has(leaver)
    for (const event of events) {
      switch (event.type) {
        case 'member.joined':
          // A straggler of one that is on its way out.
          stirred ||= leaving(event.member)
          if (keptBefore.has(event.member)) watched.returned = true
          else stirred ||= !fenced(event.member) || watched.whole?.has(event.member) !== true
          break
        case 'member.left':
        case 'member.expired':
          stirred ||= !watched.kept.has(event.member) && !joined.has(event.member)
          break
        case 'group.settling':
          stirred ||= !QUIET.has(event.because)
          break
        case 'place.freed':
        case 'group.thawed':
          stirred = true
          break
        default:
      }
    }
    for (const { id, weight = 1, drained = false } of view.members) {
      const had = watched.whole?.get(id)
      stirred ||= had !== undefined && (had.weight !== weight || had.drained !== drained)
    }
    if (stirred) watched.whole = undefined
  }

  #checkGrant({ name, kept = [], members }: GroupView, event: GroupEvent, later: readonly GroupEvent[]): void {
    if (event.type !== 'partition.granted' && event.type !== 'slot.granted') return
    const item = event.type === 'slot.granted' ? event.index : event.partition
    for (const { id, index, partitions } of kept) {
      must(id === event.member || !itemsOf(index, partitions).includes(item), 'S1', () => {
        return `${event.member} was granted ${item} of ${name}, which is kept for ${id}`
      })
    }
    // Not yet when it was granted: two writes may become durable in one step.
    const wasNot = later.some(
      ({ type, ...of }) => type === 'member.drained' && 'member' in of && of.member === event.member,
    )
    const drained = !wasNot && members.some((member) => member.id === event.member && member.drained === true)
    must(!drained, 'D1', () => `${event.member} of ${name} was granted ${item}, and is to be drained`)
  }

  #checkRevoke({ whole, returned, kept }: Watched, group: string, event: GroupEvent): void {
    if (event.type !== 'partition.revoked' && event.type !== 'slot.revoked') return
    const { member, because } = event
    // Whoever is on its way out may have been granted its place just before.
    must(whole === undefined || kept.has(member), returned ? 'S2' : 'S1', () => {
      return `${member} of ${group} was asked to let go (${because}), and nothing has changed but that somebody ${returned ? 'came back' : 'stopped'}`
    })
  }

  /** Whoever stops has its place kept, if it is static and its grace is not over. */
  #checkStops(
    watched: Watched,
    { whole, statics }: Pick<Watched, 'whole' | 'statics'>,
    view: GroupView,
    events: readonly GroupEvent[],
    { now, graceMs }: { readonly now: Instant; readonly graceMs: Millis },
  ): void {
    for (const event of events) {
      if (event.type !== 'member.left' && event.type !== 'member.expired') continue
      const { member, because } = event
      const had = whole?.get(member)
      if (had === undefined || !statics.has(member) || had.drained || had.items.length === 0) continue
      if (because !== 'left' && because !== 'expired') continue
      const until = graceMs + (because === 'left' ? now : (renewedAt(watched, member) ?? Number.NEGATIVE_INFINITY))
      const isBack = view.members.some(({ id }) => id === member)
      must(until <= now || isBack || watched.kept.has(member), 'S1', () => {
        return `${member} of ${view.name} stopped (${because}), and its place is not kept though its grace lasts until ${until}, now ${now}`
      })
    }
  }

  /** Nobody has anything else than when the group settled last, and whoever came back has, once it has settled again, what it had. */
  #checkWhole({ whole, returned, settled, kept }: Watched, view: GroupView, leaving: Stepped['leaving']): void {
    if (whole === undefined) return
    const invariant = returned ? 'S2' : 'S1'
    const now = wholeOf(view, leaving)
    for (const [id, { items }] of whole) {
      const has = kept.get(id)?.items ?? now.get(id)?.items
      // Until it has settled, whoever came back waits for what is its.
      if (has === undefined || (!settled && has.length < items.length)) continue
      must(same(has, items), invariant, () => {
        return `${id} of ${view.name} has ${has} instead of ${items}, and nothing has changed but that somebody ${returned ? 'came back' : 'stopped'}`
      })
    }
    must(!settled || now.size === whole.size, invariant, () => {
      return `${view.name} has ${now.size} places instead of ${whole.size}, and nobody joined or left for good`
    })
  }
}

/** When its session was renewed last. */
const renewedAt = ({ heard, said }: Watched, member: string): Instant | undefined =>
  heard.get(`${member} ${said.get(member)?.message.bootId}`)?.at

/** Of a group that has just come. */
const nothing = (): Omit<Watched, 'said' | 'heard'> => ({
  whole: undefined,
  returned: false,
  epoch: 0,
  settled: false,
  frozen: false,
  statics: new Set(),
  kept: new Map(),
})

/** What a stop may be called. */
const STOPS: ReadonlySet<string> = new Set(['left', 'expired', 'released'])

/** Reasons to settle that move nothing. */
const QUIET: ReadonlySet<string> = new Set(['returned', 'joined', 'left', 'expired', 'fenced'])

/** Whoever is on its way out has a place only if that is kept. */
const wholeOf = ({ members, kept = [] }: GroupView, leaving: Stepped['leaving']): Map<string, Place> => {
  const whole = new Map<string, Place>()
  for (const { id, index, partitions, leads, weight = 1, drained = false } of members) {
    const items = itemsOf(index, partitions, leads)
    // What it said may not have been taken: then it stays, and is given something.
    if (!leaving(id) || items.length > 0) whole.set(id, { items, weight, drained })
  }
  for (const { id, index, partitions, weight = 1 } of kept) {
    whole.set(id, { items: itemsOf(index, partitions), weight, drained: false })
  }
  return whole
}

const same = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && [...a].sort(byNumber).join() === [...b].sort(byNumber).join()

const byNumber = (a: number, b: number): number => a - b

const sameItems = (a: ShareMessage, b: ShareMessage): boolean =>
  a.holding.length === b.holding.length && a.holding.every(({ item }, n) => item === b.holding[n]?.item)

/** F1: no plan takes anything from a member that stays. Whoever is to be drained gives it back. */
const checkFrozen = (group: string, event: GroupEvent, leaving: (member: string) => boolean): void => {
  if (event.type !== 'partition.revoked') return
  const { member, partition, because } = event
  must(because === 'drained' || leaving(member), 'F1', () => {
    return `${member} was asked to let go of ${partition} of ${group}, which is frozen (${because})`
  })
}

/** D1 and F2, of a group that has settled. */
export const checkPlaces = (view: GroupView, leaving: (member: string) => boolean): void => {
  checkDrained(view)
  checkPins(view, leaving)
}

/** D1: whoever is drained ends with nothing. */
const checkDrained = ({ name, members }: GroupView): void => {
  for (const { id, index, partitions, leads, drained } of members) {
    must(drained !== true || itemsOf(index, partitions, leads).length === 0, 'D1', () => {
      return `${name} has settled, and ${id}, which is to be drained, has ${itemsOf(index, partitions, leads)}`
    })
  }
}

/** F2: a pinned partition is its member's, if that is there and is to have anything. Frozen, whoever has it keeps it. */
const checkPins = (
  { name, share, members, kept = [], pins = [], frozen }: GroupView,
  leaving: (member: string) => boolean,
): void => {
  if (frozen === true || typeof share === 'string') return
  for (const { partition, member } of pins) {
    // The group had more partitions when it was ordered.
    if (partition >= share.partitions) continue
    const place = kept.find(({ id }) => id === member)
    const there = place ?? members.find(({ id, drained }) => id === member && drained !== true && !leaving(id))
    if (there === undefined) continue
    must(there.partitions?.includes(partition) === true, 'F2', () => {
      return `partition ${partition} of ${name} is pinned to ${member}, which has ${there.partitions}`
    })
  }
}
