import { checkMemberId, checkOptions } from '../../client/options.ts'
import type { Order } from '../../core/group/orders.ts'
import type { Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import { isSpoken, PROTOCOLS, type Protocol } from '../../wire/versions.ts'

/** One day of simulated time: more of it in one call takes so long that whoever asked for it would take it for a hang. */
export const LONGEST_MS: Millis = 86_400_000

export const refuse = (message: string): never => {
  throw new CaucusError('CAUCUS_INVALID_ARGUMENT', message)
}

/** What somebody gave, short enough for a message; it may be anything, and may have no text. */
export const shown = (given: unknown): string => {
  if (typeof given === 'number' || given === undefined) return String(given)
  if (typeof given === 'function') return 'a function'
  try {
    return JSON.stringify(given)?.slice(0, 80) ?? typeof given
  } catch {
    // A circle, or a bigint: its kind has to do.
    return typeof given
  }
}

/** A number in these bounds; whoever writes JavaScript may well give a string, or `NaN`. */
export const within = (name: string, value: unknown, least: number, most: number): number =>
  typeof value === 'number' && value >= least && value <= most
    ? value
    : refuse(`${name} is ${shown(value)}; give a number from ${least} to ${most}`)

export const wholeWithin = (name: string, value: unknown, least: number, most: number): number =>
  Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most
    ? (value as number)
    : refuse(`${name} is ${shown(value)}; give a whole number from ${least} to ${most}`)

/** How long something lasts: no more than a day, so that a slip of the pen does not end in a test that never does. */
export const checkMs = (name: string, ms: unknown): Millis => within(name, ms, 0, LONGEST_MS)

export const checkMsIfGiven = (name: string, ms: unknown): void => {
  if (ms !== undefined) checkMs(name, ms)
}

export const checkBoolean = (name: string, value: unknown): void => {
  if (typeof value !== 'boolean') refuse(`${name} is ${shown(value)}; give true or false`)
}

export const oneOf = <Name extends string>(name: string, value: unknown, names: readonly Name[]): Name =>
  names.find((each) => each === value) ?? refuse(`${name} is ${shown(value)}; give one of ${names.join(', ')}`)

export const checkProtocol = (name: string, value: unknown): Protocol =>
  isSpoken(value) ? value : refuse(`${name} is ${shown(value)}; this build speaks ${PROTOCOLS.join(' and ')}`)

/** The coordinator and members, by name, and which protocol each of them speaks; also those who join later. */
export const checkProtocols = (protocols: unknown): Readonly<Record<string, Protocol>> => {
  if (typeof protocols !== 'object' || protocols === null) {
    return refuse(`protocols is ${shown(protocols)}; give versions by name, such as { coordinator: 1, m2: 1 }`)
  }
  for (const [who, protocol] of Object.entries(protocols)) {
    checkMemberId(who)
    checkProtocol(`protocols.${who}`, protocol)
  }
  return protocols as Readonly<Record<string, Protocol>>
}

const ORDER_FIELDS: Readonly<Record<Order['type'], readonly string[]>> = {
  freeze: [],
  thaw: [],
  pin: ['partition', 'member'],
  unpin: ['partition'],
  drain: ['member'],
  undrain: ['member'],
}

/** Whether it is about anybody who is there, the coordinator says. */
export const checkOrder = (name: string, given: unknown): Order => {
  if (typeof given !== 'object' || given === null) {
    return refuse(`${name} is ${shown(given)}; give an order, such as { type: 'drain', member: 'm1' }`)
  }
  const order = given as { readonly type?: unknown; readonly partition?: unknown; readonly member?: unknown }
  const type = oneOf(`${name}.type`, order.type, Object.keys(ORDER_FIELDS) as Order['type'][])
  checkOptions(given, ['type', ...ORDER_FIELDS[type]], name)
  if (ORDER_FIELDS[type].includes('member')) checkMemberId(order.member)
  if (ORDER_FIELDS[type].includes('partition')) {
    wholeWithin(`${name}.partition`, order.partition, 0, Number.MAX_SAFE_INTEGER)
  }
  return given as Order
}

/** What somebody may say that it works on. */
export const checkItem = (item: unknown): string | number =>
  typeof item === 'string' || (typeof item === 'number' && Number.isSafeInteger(item))
    ? item
    : refuse(`work(item) takes the number of a partition or a string, not ${shown(item)}`)
