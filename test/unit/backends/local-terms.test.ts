import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TermStore } from '../../../src/backends/local/term-store.ts'
import { type HeldTerm, LOOK_GOOD_FOR_MS, type Term, Terms } from '../../../src/backends/local/terms.ts'
import { LOOKS, Witness } from '../../../src/backends/local/witness.ts'
import { type Owner, thisProcess } from '../../../src/stores/owner.ts'

let directory: string
let self: Owner
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'caucus-terms-'))
  self = await thisProcess()
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

/** One of several processes; here they differ by their tokens only. */
const processOf = (token: string): Terms => new Terms(directory, { ...self, token })
const begun = (terms: Terms, number: number): HeldTerm => {
  const held = terms.begin(number)
  if (held === undefined) throw new Error(`the term ${number} is somebody else's`)
  return held
}

describe('a term', () => {
  test('is begun by one process, of all that try', () => {
    const begins = ['a', 'b', 'c'].map((token) => processOf(token).begin(1))
    expect(begins.filter((each) => each !== undefined)).toHaveLength(1)
    expect(processOf('d').latest()).toMatchObject({ number: 1, isOver: false, owner: { token: 'a', pid: process.pid } })
    expect(readdirSync(directory)).toEqual(['term-1'])
  })

  test('is over for its owner once the next one is there, at the latest as long after as a look is good', () => {
    const a = begun(processOf('a'), 1)
    expect(a.has(0)).toBe(true)
    begun(processOf('b'), 2)
    expect(a.has(LOOK_GOOD_FOR_MS - 1)).toBe(true)
    expect(a.has(LOOK_GOOD_FOR_MS)).toBe(false)
    // And it stays so, whatever becomes of the files.
    rmSync(join(directory, 'term-2'))
    expect(a.has(2 * LOOK_GOOD_FOR_MS)).toBe(false)
  })

  test('goes on for an owner that stood still for as long as nobody has taken it', () => {
    const a = begun(processOf('a'), 1)
    expect([a.has(0), a.has(1_000_000)]).toEqual([true, true])
  })

  test('is over when its file or its directory is gone, or is another one', () => {
    const a = begun(processOf('a'), 1)
    rmSync(join(directory, 'term-1'))
    expect(a.has(0)).toBe(false)
    const b = begun(processOf('b'), 2)
    writeFileSync(join(directory, 'other'), '{}')
    renameSync(join(directory, 'other'), join(directory, 'term-2'))
    expect(b.has(0)).toBe(false)
    const c = begun(processOf('c'), 3)
    renameSync(directory, `${directory}-lost`)
    expect(c.has(0)).toBe(false)
    expect(() => c.end()).not.toThrow()
    rmSync(`${directory}-lost`, { recursive: true })
  })

  test('that was begun long ago by its number, and removed, is not begun again by whoever looked then', () => {
    begun(processOf('a'), 1)
    begun(processOf('b'), 2)
    const c = processOf('c')
    begun(c, 3)
    c.removeBefore(3)
    expect(processOf('late').begin(2)).toBeUndefined()
    expect(readdirSync(directory)).toEqual(['term-3'])
  })

  test('of which the next one came and went is over all the same', () => {
    const a = begun(processOf('a'), 1)
    begun(processOf('b'), 2)
    const c = processOf('c')
    begun(c, 3)
    c.removeBefore(3)
    expect(a.has(0)).toBe(false)
  })

  test('shows that its owner makes progress, though the wall clock stands or the disk counts in seconds', () => {
    const terms = processOf('a')
    const a = begun(terms, 1)
    const touched = [1, 2, 3, 4].map(() => {
      a.touch(5_000_500)
      return Math.floor((terms.latest()?.touchedMs ?? 0) / 1_000)
    })
    for (const [at, seconds] of touched.entries()) expect(seconds).not.toBe(touched[at - 1])
    // Whoever looks at every second touch sees it, too.
    expect(touched[2]).not.toBe(touched[0])
  })

  test('says in good order that it is over, and takes its address with it', () => {
    const terms = processOf('a')
    const a = begun(terms, 1)
    writeFileSync(terms.path(1, 'door'), '{}')
    a.end()
    expect(processOf('b').latest()).toMatchObject({ number: 1, isOver: true })
    expect(readdirSync(directory).sort()).toEqual(['term-1', 'term-1.over'])
    expect(a.has(0)).toBe(false)
  })

  test('whose file is another one’s by now, in a directory that was made anew, says nothing there', () => {
    const a = begun(processOf('a'), 1)
    rmSync(directory, { recursive: true })
    mkdirSync(directory)
    const terms = processOf('b')
    begun(terms, 1)
    writeFileSync(terms.path(1, 'door'), '{}')
    a.end()
    expect(readdirSync(directory).sort()).toEqual(['term-1', 'term-1.door'])
    expect(a.has(0)).toBe(false)
  })

  test('that somebody serves is not begun again by whoever looked before, though its file was taken away', () => {
    const [a, b] = [processOf('a'), processOf('b')]
    begun(a, 1)
    writeFileSync(a.path(1, 'record'), '')
    rmSync(a.path(1))
    expect(b.begin(1)).toBeUndefined()
    expect(readdirSync(directory)).toEqual(['term-1.record'])
  })

  test('leaves behind of those before it only what it stored, for as long as that is needed', () => {
    const [a, b] = [processOf('a'), processOf('b')]
    begun(a, 1)
    for (const what of ['record', 'over', 'door']) writeFileSync(a.path(1, what), '')
    begun(b, 2)
    b.removeBefore(2, { butRecords: true })
    expect(readdirSync(directory).sort()).toEqual(['term-1.record', 'term-2'])
    expect([b.wasServed(1), b.wasServed(2)]).toEqual([true, false])
  })

  test('follows what was stored, though its file is gone', () => {
    writeFileSync(join(directory, 'term-7.record'), '')
    expect(processOf('a').latest()).toEqual({ number: 7, owner: undefined, touchedMs: 0, isOver: false })
  })
})

describe('what is stored in a term', () => {
  const foundation = (generation: number) => ({ generation, defaultCeilingMs: 1_000, ceilingsMs: {}, onceUntilMs: 0 })
  let nowMs = 0
  const open = (terms: Terms, term: HeldTerm) => TermStore.open({ terms, term, now: () => nowMs })

  test('is found by the next one, under the same name', async () => {
    const [a, b] = [processOf('a'), processOf('b')]
    const first = await open(a, begun(a, 1))
    expect(await first.load()).toBeUndefined()
    await first.save(foundation(5))
    await first.close()
    const second = await open(b, begun(b, 2))
    expect([second.instanceId, await second.load()]).toEqual([first.instanceId, foundation(5)])
    await second.save(foundation(6))
    expect(readdirSync(directory).sort()).toEqual(['term-2', 'term-2.record'])
    await second.close()
  })

  test('is that of the term before the one that stored nothing', async () => {
    const [a, b, c] = [processOf('a'), processOf('b'), processOf('c')]
    const first = await open(a, begun(a, 1))
    await first.save(foundation(5))
    await open(b, begun(b, 2))
    expect(await (await open(c, begun(c, 3))).load()).toEqual(foundation(5))
  })

  test('is not written over by a process whose term is over, however late its write ends', async () => {
    const [a, b, c] = [processOf('a'), processOf('b'), processOf('c')]
    const first = await open(a, begun(a, 1))
    await first.save(foundation(5))
    const second = await open(b, begun(b, 2))
    await second.save(foundation(6))
    nowMs += LOOK_GOOD_FOR_MS
    await expect(first.save(foundation(5))).rejects.toMatchObject({ code: 'CAUCUS_CONFLICT' })
    // As one that was stopped after it had looked.
    writeFileSync(join(directory, 'term-1.record'), 'what it brings to its end later')
    expect(await (await open(c, begun(c, 3))).load()).toEqual(foundation(6))
  })

  test('serves nobody when the next term was begun while it was being written', async () => {
    const a = processOf('a')
    const held = begun(a, 1)
    const first = await open(a, held)
    expect(held.has(nowMs)).toBe(true)
    begun(processOf('b'), 2)
    // By the last look it would still go on, and it is on the disk.
    await expect(first.save(foundation(5))).rejects.toMatchObject({ code: 'CAUCUS_CONFLICT' })
    expect(a.wasServed(1)).toBe(true)
    expect(held.has(nowMs)).toBe(false)
  })

  test('and damaged is no reason to begin anew', async () => {
    const [a, b] = [processOf('a'), processOf('b')]
    await (await open(a, begun(a, 1))).save(foundation(5))
    writeFileSync(join(directory, 'term-1.record'), '{')
    await expect(open(b, begun(b, 2))).rejects.toMatchObject({ code: 'CAUCUS_BACKEND' })
  })
})

describe('a witness', () => {
  const term = (changes: Partial<Term> = {}): Term => ({
    number: 1,
    owner: { ...self, token: 'other' },
    touchedMs: 10,
    isOver: false,
    ...changes,
  })

  test('sees that a term ended, and that its process has', async () => {
    const witness = new Witness(self)
    expect(await witness.judge(term({ isOver: true }), true)).toBe('gone')
    expect(await witness.judge(term({ owner: { ...self, pid: 2 ** 22 + 1, startedAt: '1' } }), true)).toBe('gone')
    // The same number, and another process.
    expect(await witness.judge(term({ owner: { ...self, startedAt: 'before' } }), true)).toBe('gone')
  })

  test('knows of nobody in an empty directory, or one whose files somebody took, and not that there is nobody', async () => {
    const witness = new Witness(self)
    expect(await witness.judge(undefined, true)).toBe('unseen')
    expect(await witness.judge(term({ owner: undefined }), true)).toBe('unseen')
  })

  test('takes a process for still after so many looks of its own without a sign of life', async () => {
    const witness = new Witness(self)
    const seen = async (isCounted = true, changes: Partial<Term> = {}) => witness.judge(term(changes), isCounted)
    expect(await seen()).toBe('held')
    for (let look = 1; look < LOOKS; look++) expect(await seen()).toBe('held')
    // Looks in haste say nothing.
    expect(await seen(false)).toBe('held')
    expect(await seen()).toBe('unseen')
    expect(await seen(true, { touchedMs: 11 })).toBe('held')
  })

  test('that cannot see a process, as of another container, goes by its signs of life alone', async () => {
    const witness = new Witness(self)
    const far = term({ owner: { ...self, pidNamespace: 'elsewhere', pid: 1 } })
    for (let look = 0; look < LOOKS; look++) expect(await witness.judge(far, true)).toBe('held')
    expect(await witness.judge(far, true)).toBe('unseen')
  })
})
