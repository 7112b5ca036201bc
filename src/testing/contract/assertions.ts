import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { isCaucusError, type Membership, type Share } from '../../index.ts'

/** Far beyond any lease and any way through a server: it bounds a hang, and asserts no speed. */
export const PATIENCE_MS = 30_000

export const patience = (): AbortSignal => AbortSignal.timeout(PATIENCE_MS)

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)

/** Without the fields that are there and say nothing: no program can tell them from absent ones but by asking for just that. */
const told = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(told)
  if (!isRecord(value) || value instanceof Error) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, field]) => (field === undefined ? [] : [[name, told(field)]])),
  )
}

/** The part of `value` that `pattern` speaks of. Lists are compared whole, and each of their entries by its pattern. */
const spokenOf = (value: unknown, pattern: unknown): unknown => {
  if (Array.isArray(pattern)) {
    return Array.isArray(value) ? value.map((each, index) => spokenOf(each, pattern[index])) : value
  }
  if (!isRecord(pattern) || !isRecord(value)) return pattern === undefined && isRecord(value) ? {} : value
  return Object.fromEntries(Object.keys(pattern).map((name) => [name, spokenOf(value[name], pattern[name])]))
}

/** They are the same to a program that reads them. */
export const same = (actual: unknown, expected: unknown, message?: string): void => {
  assert.deepStrictEqual(told(actual), told(expected), message)
}

/** All that `pattern` says of it is so. */
export const like = (actual: unknown, pattern: unknown, message?: string): void => {
  same(spokenOf(actual, pattern), pattern, message)
}

export const above = (actual: number | undefined, floor: number | undefined, what = 'a token'): void => {
  assert.ok((actual ?? -1) > (floor ?? Number.POSITIVE_INFINITY), `${what}: ${actual} is not above ${floor}`)
}

/** How it ended: `resolved`, the code of its error, or the reason itself when that is no error of ours. */
export const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'resolved',
    (error: unknown) => (isCaucusError(error) ? error.code : error),
  )

/** It rejects with exactly this, or with an error whose message has these words. */
export const fails = async (promise: Promise<unknown>, because: string | Error): Promise<void> => {
  const error = await promise.then(
    () => assert.fail(`it resolved, but was to fail: ${String(because)}`),
    (error: unknown) => error,
  )
  if (typeof because !== 'string') assert.equal(error, because)
  else
    assert.ok(error instanceof Error && error.message.includes(because), `"${String(error)}" does not say ${because}`)
}

/** It throws an error whose message has these words. */
export const refuses = (act: () => unknown, words: string): void => {
  assert.throws(act, (error: unknown) => error instanceof Error && error.message.includes(words))
}

/** Resolves once it is so. The look may be a question that has to travel. */
export const eventually = async (
  what: string,
  look: () => boolean | Promise<boolean>,
  withinMs = PATIENCE_MS,
): Promise<void> => {
  const untilMs = performance.now() + withinMs
  while (!(await look())) {
    if (performance.now() > untilMs) assert.fail(`waited ${withinMs / 1_000} s in vain: ${what}`)
    await sleep(10)
  }
}

/** The first share of this membership that is like this. */
export const seen = async (membership: Membership, matches: (share: Share) => boolean): Promise<Share> => {
  try {
    for await (const share of membership.watch({ signal: patience() })) if (matches(share)) return share
  } catch (cause) {
    const { slot, partitions, state } = membership
    const has = JSON.stringify({ slot, partitions })
    throw new Error(`the share of ${membership.id} (${state}) stays ${has}`, { cause })
  }
  return assert.fail('the membership ended first')
}

/** A promise, and what settles it. */
export const latch = <Value = void>() => {
  let open: (value: Value) => void = () => undefined
  let fail: (error: unknown) => void = () => undefined
  const opened = new Promise<Value>((resolve, reject) => {
    open = resolve
    fail = reject
  })
  return { opened, open, fail }
}

export const KEYS: readonly string[] = Array.from({ length: 300 }, (_, index) => `key-${index}`)

/** Every key has exactly one owner among them. */
export const ownedByOne = (members: readonly Membership[]): void => {
  for (const key of KEYS) {
    const owners = members.filter((member) => member.owns(key)).map(({ id }) => id)
    assert.equal(owners.length, 1, `${key} is owned by ${owners.join(' and ') || 'nobody'}`)
  }
}

/** What it holds, each with its epoch: the same twice only when nothing of it was granted anew. */
export const heldBy = (member: Membership): readonly string[] =>
  member.partitions.map((partition) => `${partition} at ${member.epoch(partition)}`)
