import { describe, expect, test } from 'vitest'
import { type DiagramEvent, diagram } from '../../src/testing/diagram.ts'

const HANDED_OVER_TOO_EARLY: readonly DiagramEvent[] = [
  { at: 0, who: 'server', what: 'listens', state: 'up' },
  { at: 1, who: 'ann', what: 'starts', state: 'up' },
  { at: 2, who: 'ann', kind: 'send', what: 'renewal 1', detail: 'joins', message: 1 },
  { at: 5, who: 'server', kind: 'receive', what: 'renewal 1', detail: 'joins', message: 1 },
  { at: 5, who: 'server', kind: 'send', what: 'share 1', detail: 'gives 1/1@1.2; lease 1000', message: 2 },
  {
    at: 8,
    who: 'ann',
    kind: 'receive',
    what: 'share 1',
    detail: 'gives 1/1@1.2; lease 1000',
    message: 2,
    state: 'holds',
  },
  { at: 40, who: 'world', kind: 'fault', what: 'pause.0' },
  { at: 40, who: 'ann', what: 'stands still', state: 'still' },
  { at: 60, who: 'bob', what: 'starts', state: 'up' },
  { at: 61, who: 'bob', kind: 'send', what: 'renewal 1', detail: 'joins', message: 3 },
  { at: 70, who: 'bob', kind: 'send', what: 'renewal 2', detail: 'joins once more', message: 4 },
  { at: 75, who: 'server', kind: 'receive', what: 'renewal 2', detail: 'joins once more', message: 4 },
  {
    at: 80,
    who: 'server',
    kind: 'send',
    what: 'share 1',
    detail:
      'gives 1/1@1.3 to somebody although nobody has let go of it; settled, lease 1000 from the send of 2, generation 1',
    message: 5,
  },
  {
    at: 84,
    who: 'bob',
    kind: 'receive',
    what: 'share 1',
    detail:
      'gives 1/1@1.3 to somebody although nobody has let go of it; settled, lease 1000 from the send of 2, generation 1',
    message: 5,
  },
  { at: 84, who: 'world', kind: 'violation', what: 'G4:', detail: 'ann holds 1@1.2 until 1002, bob 1@1.3 until 1070' },
]

describe('a space-time diagram', () => {
  test('shows who sent what, what became of it, and what was wrong at the end', async () => {
    const text = diagram(HANDED_OVER_TOO_EARLY)
    expect(Math.max(...text.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(120)
    await expect(text).toMatchFileSnapshot('diagram.txt')
  })

  test('stays within its columns, however long the names are', () => {
    const who = (n: number) => `a-process-with-a-very-long-name-indeed-${n}`
    const events = Array.from({ length: 60 }, (_, n): DiagramEvent => {
      const message = Math.floor(n / 2)
      return n % 2 === 0
        ? { at: n, who: who(n % 5), kind: 'send', what: `message ${message}`, detail: 'x'.repeat(n * 7), message }
        : { at: n, who: who(n % 6), kind: 'receive', what: `message ${message}`, message }
    })
    const rows = diagram(events).split('\n')
    expect(rows.filter(({ length }) => length > 120)).toEqual([])
  })

  test('of many processes shows those that the end is about, and whom they talked to', () => {
    const events: DiagramEvent[] = []
    for (let n = 1; n <= 20; n++) {
      events.push({ at: n, who: `m${n}`, kind: 'send', what: 'hello', message: n })
      events.push({ at: n, who: 'server', kind: 'receive', what: 'hello', message: n })
    }
    events.push({ at: 30, who: 'world', kind: 'violation', what: 'G4:', detail: 'm3 and m7 believe in the same' })
    const names = diagram(events).split('\n')[2]?.trim().split(/\s+/) ?? []
    expect(names).toHaveLength(1 + 6)
    expect(names).toEqual(expect.arrayContaining(['server', 'm3', 'm7']))
  })

  test('of a long run shows the end', () => {
    const events = Array.from({ length: 500 }, (_, n): DiagramEvent => ({ at: n, who: 'a', what: `step ${n}` }))
    const text = diagram(events, { events: 10 })
    expect(text).toContain('… 490 events before')
    expect(text).not.toContain('step 489')
    expect(text).toContain('step 490')
  })

  test('of nothing is empty, and no error', () => {
    expect(diagram([]).split('\n')).toHaveLength(3)
  })
})
