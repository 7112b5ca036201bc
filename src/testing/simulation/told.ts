import type { Member, MemberEffect, MemberInput } from '../../core/group/member.ts'
import type { Holding } from '../../core/group/messages.ts'
import type { Tick } from '../../core/machine.ts'
import { show } from './beliefs.ts'
import { must } from './violation.ts'

interface Shares {
  readonly held: ReadonlyMap<number, Holding>
  readonly draining: readonly Holding[]
}

const NOTHING: readonly Holding[] = []

export const sharesOf = (machine: Member): Shares => {
  const { draining } = machine
  return { held: machine.view().held, draining: draining.length > 0 ? draining : NOTHING }
}

/** Whatever a member may use or may no longer use, it was told in that same step: what is not told, nobody stops working on. */
export const checkTold = (
  who: string,
  before: Shares,
  after: Shares,
  input: MemberInput | Tick,
  effects: readonly MemberEffect[],
): void => {
  // Maps of what is held are replaced, never changed.
  if (before.held === after.held && before.draining === after.draining) return
  const told = (type: 'granted' | 'drain' | 'lost') =>
    effects.flatMap((effect) => (effect.type === type ? effect.items : []))
  const drainedByUser = input.type === 'drained' ? input.items : NOTHING
  const [granted, drain, lost] = [told('granted'), told('drain'), told('lost')]
  for (const holding of after.held.values()) {
    const had = before.held.get(holding.item)
    must(
      same(had, holding) || goesOn(had, holding) || has(granted, holding),
      'Told',
      () => `${who} may use ${show(holding)} and was not told`,
    )
  }
  for (const holding of before.held.values()) {
    const now = after.held.get(holding.item)
    if (same(now, holding) || goesOn(holding, now)) continue
    must(
      has(drain, holding) || has(lost, holding),
      'Told',
      () => `${who} may not use ${show(holding)} any more and was not told`,
    )
  }
  for (const holding of before.draining) {
    // With clocks that run wrongly it may have come back, and be drained once more at a later epoch.
    if (has(after.draining, holding) || drain.some(({ item }) => item === holding.item)) continue
    must(
      has(drainedByUser, holding) || has(lost, holding),
      'Told',
      () => `${who} drains ${show(holding)} in vain and was not told`,
    )
  }
}

const same = (one: Holding | undefined, other: Holding): boolean =>
  one !== undefined && one.item === other.item && one.epoch === other.epoch

/** The same place of as many, in a later view: nothing has changed about it but its number in time. */
const goesOn = (before: Holding | undefined, after: Holding | undefined): boolean =>
  before?.of !== undefined && before.of === after?.of && before.item === after.item && before.epoch < after.epoch

const has = (all: readonly Holding[], one: Holding): boolean => all.some((other) => same(other, one))
