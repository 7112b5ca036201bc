import type { GroupPast } from '../../../src/core/group/past.ts'
import type { GroupView, KeptPlace, MemberView } from '../../../src/core/group/view.ts'
import type { RecordedEvent } from '../../../src/ports/hosting.ts'
import type { Cell, Kind, Person, Picture } from './picture.ts'

/** The group of the moment that a picture shows, as `explain` and `plan` take it. */
export const viewOfPicture = (name: string, picture: Picture): GroupView => {
  const { kind, state, epoch, frozen, cells } = picture
  const has = new Map<string, Having>()
  for (const [at, cell] of cells.entries()) {
    if (cell.owner === undefined) continue
    const own = has.get(cell.owner) ?? { held: [], revoked: [], kept: [], epoch: 0 }
    has.set(cell.owner, own)
    if (cell.phase !== 'free') own[cell.phase].push(at)
    if (cell.phase === 'held') own.epoch = Math.max(own.epoch, cell.epoch ?? 0)
  }
  const nothing: Having = { held: [], revoked: [], kept: [], epoch: 0 }
  const members = [...picture.members.values()].map((person, i) =>
    memberOf(person, i + 1, has.get(person.id) ?? nothing, kind),
  )
  const kept = [...has].filter(([, { kept: places }]) => places.length > 0).map(([id, own]) => placeOf(id, own, kind))
  const pins = [...picture.pins].map(([partition, member]) => ({ partition, member }))
  return {
    name,
    state,
    epoch,
    total: members.length + kept.length,
    share: kind === 'partitions' ? { partitions: cells.length } : kind === 'slots' ? 'index' : kind,
    members,
    ...(kept.length > 0 && { kept }),
    ...(frozen && { frozen: true }),
    ...(pins.length > 0 && { pins }),
  }
}

interface Having extends Record<Exclude<Cell['phase'], 'free'>, number[]> {
  epoch: number
}

const memberOf = (person: Person, seniority: number, { held, revoked, epoch }: Having, kind: Kind): MemberView => ({
  id: person.id,
  // As good as its number: only the order is asked for.
  incarnation: seniority,
  epoch,
  metadata: person.metadata,
  ...(kind === 'partitions' && { partitions: held }),
  ...(kind === 'slots' && held[0] !== undefined && { index: held[0] + 1 }),
  ...(kind === 'tenure' && held.length > 0 && { leads: true }),
  ...(kind === 'once' && held.length > 0 && { runs: true }),
  ...(person.weight !== 1 && { weight: person.weight }),
  ...(person.isStatic && { static: true }),
  ...(person.drained && { drained: true }),
  ...(revoked.length > 0 && { revoked: kind === 'slots' ? revoked.map((at) => at + 1) : revoked }),
})

const placeOf = (id: string, { kept }: Having, kind: Kind): KeptPlace =>
  kind === 'slots' ? { id, index: (kept[0] ?? 0) + 1 } : { id, partitions: kept }

/** What was known after the first `count` of these events, at that moment. */
export const pastAt = (
  record: { readonly events: readonly RecordedEvent[]; readonly forgotten: boolean; readonly sinceMs: number },
  count: number,
  nowMs: number,
): GroupPast<RecordedEvent> => {
  const { forgotten, sinceMs } = record
  const events = record.events.slice(0, count)
  return { events, forgotten, more: false, sinceMs, nowMs: Math.max(nowMs, events.at(-1)?.atMs ?? 0) }
}
