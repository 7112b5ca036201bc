import type { SmallWorld } from './small-world.ts'

/**
 * What can happen next, one word and to whom. `up` and `down`: the oldest message arrives; `drop`: it never does; `twice`: it arrives, and
 * will once more; `overtake`: the one behind it arrives first. `pass`: time passes to the next instant at which a timer fires or a belief
 * ends, and whoever is due is woken. Everything that is on its way arrives before that, except to and from those who are `slow` or frozen:
 * from then on their messages are as late as they like, in both directions.
 */
export const KINDS = [
  'up',
  'down',
  'pass',
  'wake',
  'thaw',
  'drained',
  'persisted',
  'relink',
  'start',
  'leave',
  'drop-up',
  'drop-down',
  'twice-up',
  'twice-down',
  'overtake-up',
  'overtake-down',
  'slow',
  'freeze',
  'crash',
  'evict',
  'persist-failed',
  'restart',
  'restart-written',
] as const
export type Kind = (typeof KINDS)[number]

/** What goes wrong. Of these, an exploration allows only so many on one way. */
const TROUBLES: ReadonlySet<Kind> = new Set(KINDS.slice(KINDS.indexOf('drop-up')))

/** `kind`, and the number of the process. The coordinator is process -1. */
export interface Action {
  readonly kind: Kind
  readonly at: number
}

export const show = ({ kind, at }: Action): string => (at === COORDINATOR ? `${kind} server` : `${kind} ${at}`)
export const isTrouble = ({ kind }: Action): boolean => TROUBLES.has(kind)

const COORDINATOR = -1

/** Everything that can happen in this state, in an order that depends on the state alone. */
export const enabled = (world: SmallWorld): Action[] => {
  const actions: Action[] = []
  const add = (kind: Kind, at: number, when = true): void => {
    if (when) actions.push({ kind, at })
  }
  for (const [at, seat] of world.seats.entries()) {
    const { up, down, alive, linked, final, drains, frozen } = seat
    add('up', at, up.length > 0 && !world.frozen)
    add('drop-up', at, up.length > 0)
    add('twice-up', at, up.length > 0 && !world.frozen)
    add('overtake-up', at, up.length > 1 && !world.frozen)
    if (!alive) continue
    add('thaw', at, frozen)
    if (frozen) continue
    add('down', at, down.length > 0)
    add('drop-down', at, down.length > 0)
    add('twice-down', at, down.length > 0)
    add('overtake-down', at, down.length > 1)
    add('wake', at, world.isDue(seat))
    add('drained', at, drains.length > 0)
    add('relink', at, !linked && !final)
    add('leave', at, !final && !seat.leaving)
    add('crash', at, !final)
    add('evict', at, !final)
    add('freeze', at, !final)
    add('slow', at, !final && !seat.slow)
  }
  add('pass', COORDINATOR, !world.waits() && world.nextInstant() !== undefined)
  add('thaw', COORDINATOR, world.frozen)
  if (world.frozen) return actions
  add('wake', COORDINATOR, world.isDue())
  add('freeze', COORDINATOR)
  add('start', COORDINATOR, world.seats.length < world.options.processes.length)
  add('persisted', COORDINATOR, world.writes.length > 0)
  add('persist-failed', COORDINATOR, world.writes.length > 0)
  add('restart', COORDINATOR)
  add('restart-written', COORDINATOR, world.writes.length > 0)
  return actions
}

/** Makes it happen. Throws a `Violation` when it breaks an invariant. */
export const perform = (world: SmallWorld, { kind, at }: Action): void => {
  if (kind === 'restart' || kind === 'restart-written') return world.restart(kind === 'restart' ? 'same' : 'written')
  if (kind === 'pass') return world.pass()
  if (kind === 'start') return world.begin()
  if (kind === 'persisted' || kind === 'persist-failed') return world.finishWrite(kind === 'persisted')
  if (kind === 'freeze' || kind === 'thaw') {
    const process = world.seats[at] ?? world
    process.frozen = kind === 'freeze'
    return
  }
  const seat = world.seats[at]
  if (kind === 'slow' && seat !== undefined) {
    seat.slow = true
    return
  }
  if (seat === undefined) return world.tell({ type: 'woke' })
  switch (kind) {
    case 'wake':
      return seat.step({ type: 'woke' }, world.now)
    case 'drained':
      return seat.step({ type: 'drained', items: seat.drains.shift() ?? [] }, world.now)
    case 'leave':
      seat.leaving = true
      return seat.step({ type: 'leave' }, world.now)
    case 'relink':
      return world.relink(seat)
    case 'crash':
      return world.kill(seat)
    case 'evict':
      return world.tell({ type: 'evicted', from: 'operator', group: 'g', member: seat.id })
    case 'up':
    case 'twice-up':
      return world.carryUp(seat, 0, kind !== 'up')
    case 'overtake-up':
      return world.carryUp(seat, 1, false)
    case 'down':
    case 'twice-down':
      return world.carryDown(seat, 0, kind !== 'down')
    case 'overtake-down':
      return world.carryDown(seat, 1, false)
    case 'drop-up':
      seat.up.shift()
      return
    case 'drop-down':
      seat.down.shift()
  }
}
