import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LAST_AUTHORITY_MS } from '../../../src/backends/local/serving.ts'
import { type HeldTerm, LOOK_GOOD_FOR_MS, type Term, Terms } from '../../../src/backends/local/terms.ts'
import { type Random, seededRandom } from '../../../src/core/random.ts'
import { thisProcess } from '../../../src/stores/owner.ts'

/** How long the next one waits for one that may run, and for one that has ended. */
interface Waits {
  readonly forUnseenMs: number
  forGoneMs(terms: Terms, last: Term): number
}

/** What is known from outside: from when on each term acts, by the one clock that is never shown to anybody as such. */
interface World {
  nowMs: number
  readonly waits: Waits
  readonly servedFrom: Map<number, number>
  /** Processes that were killed, by their tokens. */
  readonly killed: Set<string>
  violation: string | undefined
}

/**
 * One process, which may be stopped at each `yield`, for as long as chance likes, or be killed there. It takes the term from whoever has it on
 * suspicion alone, right or wrong, and acts on each instant that it read before it asked whether its term goes on.
 */
function* life(terms: Terms, world: World): Generator<undefined, never> {
  for (;;) {
    yield
    const last = terms.latest()
    const isGone = last?.owner !== undefined && world.killed.has(last.owner.token)
    yield
    const held = terms.begin((last?.number ?? 0) + 1)
    if (held === undefined) continue
    const waitMs = isGone ? world.waits.forGoneMs(terms, last) : world.waits.forUnseenMs
    const begunMs = world.nowMs
    do yield
    while (world.nowMs < begunMs + waitMs)
    writeFileSync(terms.path(held.number, 'record'), '')
    yield
    if (!held.look(world.nowMs)) continue
    world.servedFrom.set(held.number, world.nowMs)
    yield* reign(held, terms, world)
  }
}

function* reign(held: HeldTerm, terms: Terms, world: World): Generator<undefined, void> {
  for (let step = 0; ; step++) {
    const readMs = world.nowMs
    yield
    const askedMs = world.nowMs
    if (!held.has(askedMs)) return
    // What it decides is decided by the first reading, and what follows from a yes may come at any later time.
    for (const [number, fromMs] of world.servedFrom) {
      if (number > held.number && fromMs <= readMs)
        world.violation ??= `term ${held.number} acts at ${readMs}, and term ${number} since ${fromMs}`
    }
    if (step % 3 === 2) terms.removeBefore(held.number)
    yield
  }
}

const self = await thisProcess()

/** The first violation within so many steps of a schedule, if any. */
const violationOf = (seed: number, waits: Waits): string | undefined => {
  const directory = mkdtempSync(join(tmpdir(), 'caucus-schedules-'))
  try {
    const random = seededRandom(seed)
    const world: World = { nowMs: 0, waits, servedFrom: new Map(), killed: new Set(), violation: undefined }
    run(directory, random, world)
    return world.violation
  } finally {
    rmSync(directory, { recursive: true })
  }
}

const run = (directory: string, random: Random, world: World): void => {
  let processes = 0
  const start = () => {
    const token = `p${++processes}`
    return { token, steps: life(new Terms(directory, { ...self, token }), world) }
  }
  // In some of them much happens within one look.
  const calm = 0.7 + 0.3 * random.next()
  const lives = [start(), start(), start()]
  for (let step = 0; step < 200 && world.violation === undefined; step++) {
    const at = random.below(lives.length)
    if (random.next() < 0.1) {
      world.killed.add(lives[at]?.token ?? '')
      lives[at] = start()
    }
    if (random.next() < 0.02) takeFile(directory)
    lives[at]?.steps.next()
    // Mostly little, sometimes about as much as a look is good for.
    world.nowMs += random.next() < calm ? random.next() * 10 : random.next() * 1.5 * LOOK_GOOD_FOR_MS
  }
}

/** Somebody who has no business there removes the file by which the last term was begun. */
const takeFile = (directory: string): void => {
  const terms = new Terms(directory, { ...self, token: 'nobody' })
  const last = terms.latest()
  if (last !== undefined) rmSync(terms.path(last.number), { force: true })
}

const SEEDS = Array.from({ length: 80 }, (_, seed) => seed)
const WAITS: Waits = {
  forUnseenMs: LAST_AUTHORITY_MS,
  forGoneMs: (terms, { number }) => (terms.wasServed(number) ? 0 : LAST_AUTHORITY_MS),
}
const violations = (changes: Partial<Waits> = {}) =>
  SEEDS.map((seed) => violationOf(seed, { ...WAITS, ...changes })).filter((found) => found !== undefined)

test('no two terms act at one instant, wherever a process is stopped or killed, whoever suspects whom, and whatever file is taken', () => {
  expect(violations()).toEqual([])
})

test('two would, if the next one did not wait for the last look of the one before', () => {
  expect(violations({ forUnseenMs: 0 })).not.toEqual([])
})

test('two would, if nobody waited for the one before somebody that was killed while it waited for that', () => {
  expect(violations({ forGoneMs: () => 0 })).not.toEqual([])
})
