import { checkMemberId, checkShare, checkWeight } from '../../client/options.ts'
import { checkBoolean, checkMs, checkOrder, checkProtocol, oneOf, refuse, shown, within } from './arguments.ts'
import { FAULT_NAMES, type Fault, type FaultName, isOfMember } from './fault.ts'
import { TOLD } from './member.ts'

/** What `simulate` is to do wrong, as given. */
export type GivenFaults = 'all' | 'none' | readonly FaultName[] | readonly Fault[]

export type CheckedFaults = 'all' | { readonly names: readonly FaultName[] } | { readonly schedule: readonly Fault[] }

/** What was given, told apart: names to draw from, or a schedule in which everybody has a name. Throws `CAUCUS_INVALID_ARGUMENT`. */
export const checkFaults = (given: unknown, ids: readonly string[]): CheckedFaults => {
  if (given === 'all') return 'all'
  if (given === 'none') return { names: [] }
  if (!Array.isArray(given)) return refuse(`faults is ${shown(given)}; ${TAKES}`)
  const list: readonly unknown[] = given
  if (list.every((each) => typeof each === 'string')) {
    return { names: list.map((name, place) => oneOf(`faults[${place}]`, name, FAULT_NAMES)) }
  }
  const joining = list.flatMap((each) => (isRecord(each) && each.fault === 'join' ? [each.member] : []))
  const known = [...ids, ...joining.filter((id) => typeof id === 'string')]
  return { schedule: list.map((fault, place) => checkFault(`faults[${place}]`, fault, known)) }
}

/** What is left of a schedule whose joins may have been taken out: nothing happens to somebody who never comes. */
export const withoutStrangers = (schedule: readonly Fault[], ids: readonly string[]): readonly Fault[] => {
  const known = new Set<string | undefined>(ids)
  for (const { fault, member } of schedule) if (fault === 'join') known.add(member)
  return schedule.filter(({ fault, member }) => !isOfMember(fault) || known.has(member))
}

const TAKES = `give 'all', 'none', a list of names (${FAULT_NAMES.join(', ')}), or a list of faults such as { atMs: 500, fault: 'partition', member: 'm2', forMs: 20_000 }`

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

const LONGEST_LEASE_MS = 3_600_000

/** What each field of a fault may be. */
const FIELDS: Readonly<Record<keyof Fault, (name: string, value: unknown) => unknown>> = {
  atMs: checkMs,
  fault: (name, value) => oneOf(name, value, FAULT_NAMES),
  member: (_name, value) => checkMemberId(value),
  forMs: checkMs,
  byMs: (name, value) => within(name, value, -1e12, 1e12),
  told: (name, value) => oneOf(name, value, TOLD),
  silent: checkBoolean,
  loseStore: checkBoolean,
  leaseMs: (name, value) => within(name, value, 1, LONGEST_LEASE_MS),
  partitions: (_name, value) => checkShare({ partitions: value }),
  protocol: checkProtocol,
  weight: (name, value) => checkWeight(value, name),
  order: checkOrder,
}

/** Holds of a fault by itself, whoever is there. */
const checkShape: (name: string, given: unknown) => asserts given is Fault = (name, given) => {
  if (!isRecord(given)) return refuse(`${name} is ${shown(given)}; names and faults do not mix: ${TAKES}`)
  for (const [field, value] of Object.entries(given)) {
    const check = Object.hasOwn(FIELDS, field) ? FIELDS[field as keyof Fault] : undefined
    if (check === undefined) {
      return refuse(`${name} has "${field.slice(0, 64)}"; a fault has ${Object.keys(FIELDS).join(', ')}`)
    }
    if (value !== undefined) check(`${name}.${field}`, value)
  }
  checkMs(`${name}.atMs`, given.atMs)
  if (given.fault === undefined) return refuse(`${name} has no "fault"; give one of ${FAULT_NAMES.join(', ')}`)
}

const checkFault = (name: string, given: unknown, ids: readonly string[]): Fault => {
  checkShape(name, given)
  const { fault, member = ids[0] } = given
  if (fault === 'join' && given.member === undefined) return refuse(`${name}: say who joins, such as member: 'm9'`)
  if (fault === 'weight' && given.weight === undefined) return refuse(`${name}: a fault "weight" needs weight`)
  if (fault === 'order' && given.order === undefined) return refuse(`${name}: a fault "order" needs order`)
  if (SHIFTS.has(fault) && given.byMs === undefined) return refuse(`${name}: a fault "${fault}" needs byMs`)
  if (!isOfMember(fault)) return given
  if (member === undefined || !ids.includes(member)) {
    return refuse(`${name}: there is no member ${shown(member)}; there are ${ids.join(', ') || 'none'}`)
  }
  return { ...given, member }
}

const SHIFTS: ReadonlySet<FaultName> = new Set(['slow', 'slowDisk', 'wallClock', 'coordinatorWallClock'])
