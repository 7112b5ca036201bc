import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { type SweepIdentity, SweepState } from '../../../../src/testing/sweep/state.ts'
import { emptyTally } from '../../../../src/testing/sweep/tally.ts'

const folder = mkdtempSync(join(tmpdir(), 'caucus-state-'))
const file = join(folder, 'sweep.json')
afterAll(() => rmSync(folder, { recursive: true, force: true }))
beforeEach(() => rmSync(file, { force: true }))

const identity: SweepIdentity = {
  from: 1,
  seeds: 200,
  level: 'core',
  profile: 'drawn',
  twiceEvery: 100,
  coverage: 'sample',
  code: 'c0ffee',
}
const tally = { ...emptyTally(), seeds: 25, events: 1000, faults: { loss: 7 } }
const refusal = (identity: SweepIdentity, path = file) =>
  SweepState.open(path, identity).then(
    () => undefined,
    ({ code, message }) => ({ code, message }),
  )

describe('the state of a sweep', () => {
  test('begins empty, and is on the disk at once', async () => {
    const { record } = await SweepState.open(file, identity)
    expect(record).toEqual({ identity, done: [], elapsedMs: 0, tally: emptyTally() })
    expect(readdirSync(folder)).toEqual(['sweep.json'])
  })

  test('is read again as it was saved', async () => {
    const { state } = await SweepState.open(file, identity)
    await state.save({ done: [[1, 26]], elapsedMs: 500, tally })
    const { record } = await SweepState.open(file, identity)
    expect(record).toEqual({ identity, done: [[1, 26]], elapsedMs: 500, tally })
  })

  test('says the newest when several are saved at once', async () => {
    const { state } = await SweepState.open(file, identity)
    await Promise.all([1, 2, 3].map((elapsedMs) => state.save({ done: [], elapsedMs, tally })))
    expect((await SweepState.open(file, identity)).record.elapsedMs).toBe(3)
  })

  test('removes what a kill in the middle of a write left', async () => {
    writeFileSync(`${file}.new-1234`, '{"half')
    await SweepState.open(file, identity)
    expect(readdirSync(folder)).toEqual(['sweep.json'])
  })
})

describe('a state is refused', () => {
  test('by a sweep with other options, which are named', async () => {
    await SweepState.open(file, identity)
    expect(await refusal({ ...identity, seeds: 300, profile: 'churn' })).toEqual({
      code: 'CAUCUS_INVALID_ARGUMENT',
      message: `--state: ${file} belongs to a sweep with --seeds 200, not 300 and --profile drawn, not churn; give the same, or another file`,
    })
  })

  test('by another build of the core', async () => {
    await SweepState.open(file, identity)
    const refused = await refusal({ ...identity, code: 'decade' })
    expect(refused?.code).toBe('CAUCUS_INVALID_ARGUMENT')
    expect(refused?.message).toContain('another build')
    expect(refused?.message).toContain('remove it to begin anew')
  })

  test.each([
    ['cut short', (text: string) => text.slice(0, 100)],
    ['empty', () => ''],
    ['something else', () => '[1]'],
    ['null', () => 'null'],
    ['edited', (text: string) => text.replace('"events":1000', '"events":1001')],
  ])('when it is %s, and is left as it is', async (_, damage) => {
    const { state } = await SweepState.open(file, identity)
    await state.save({ done: [[1, 26]], elapsedMs: 500, tally })
    const damaged = damage(readFileSync(file, 'utf8'))
    writeFileSync(file, damaged)
    const refused = await refusal(identity)
    expect(refused?.code).toBe('CAUCUS_INVALID_ARGUMENT')
    expect(refused?.message).toMatch(/is damaged \(.*\); remove it to begin anew$/)
    expect(readFileSync(file, 'utf8')).toBe(damaged)
  })

  test('when a later version wrote it', async () => {
    writeFileSync(file, '{"format":2,"sweep":{}}')
    expect((await refusal(identity))?.message).toContain('has format 2, and this version reads 1')
  })

  test('when its place cannot be read or written', async () => {
    expect((await refusal(identity, folder))?.message).toContain('cannot be read')
    expect((await refusal(identity, join(folder, 'none', 'sweep.json')))?.message).toContain('cannot be written')
  })
})

test('a state that cannot be written any more says so, and what to do', async () => {
  const place = mkdtempSync(join(tmpdir(), 'caucus-state-'))
  const { state } = await SweepState.open(join(place, 'sweep.json'), identity)
  rmSync(place, { recursive: true })
  const saved = state.save({ done: [[1, 26]], elapsedMs: 500, tally })
  await expect(saved).rejects.toMatchObject({
    code: 'CAUCUS_BACKEND',
    message: expect.stringContaining('cannot be written any more'),
  })
})
