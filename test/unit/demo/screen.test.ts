import { describe, expect, test } from 'vitest'
import type { DemoEvent } from '../../../src/demo/events.ts'
import { drawBoard, Screen } from '../../../src/demo/screen.ts'
import { jsonShow } from '../../../src/demo/show.ts'
import { coloured, plain, Story } from '../../../src/demo/story.ts'

const started: DemoEvent = { type: 'started', dir: '/data', files: 1000, workers: 2, servers: 1 }
const summary: DemoEvent = {
  type: 'summary',
  ok: true,
  files: 1000,
  hashed: 1000,
  missing: 0,
  duplicates: 0,
  overlaps: 0,
  killed: 2,
  frozen: 1,
  joined: 2,
  moved: 200,
  minimumMoves: 200,
}

const recorded = () => {
  const written: string[] = []
  return { written, write: (text: string) => void written.push(text) }
}

describe('in a log', () => {
  test('there is a line for each event, and one for each tenth of the work', () => {
    const { written, write } = recorded()
    const screen = new Screen(write)
    screen.tell(started)
    screen.tell({ type: 'joined', worker: 'w1', pid: 42 })
    for (let done = 0; done <= 1000; done += 10) screen.tell({ type: 'progress', done, files: 1000 })
    const text = written.join('')
    expect(text).toContain('1000 files below /data')
    expect(text).toContain('w1 joined, process 42')
    expect(text.match(/% of the files/g)).toHaveLength(10)
    expect(text).not.toContain('\x1b')
  })

  test('events for programs are one JSON object a line', () => {
    const { written, write } = recorded()
    const show = jsonShow(write)
    show.tell(started)
    show.tell(summary)
    expect(written.map((line) => JSON.parse(line))).toEqual([started, summary])
  })
})

describe('in a terminal', () => {
  const rows = [
    { id: 'w1', state: 'at work' as const, partitions: 128, hashed: 300 },
    { id: 'w2', state: 'frozen' as const, partitions: 128, hashed: 200 },
  ]

  test('the picture shows who has what, and how much is done', () => {
    expect(drawBoard({ done: 500, files: 1000, rows }, 60, plain)).toEqual([
      '',
      '  w1  128 partitions    300 files  ██████████',
      '  w2  128 partitions    200 files  frozen',
      '  ██████████·········· 50 %  500 of 1000 files',
    ])
  })

  test('no line of the picture wraps', () => {
    for (const columns of [1, 10, 40, 200])
      for (const line of drawBoard({ done: 1, files: 1, rows }, columns, plain))
        expect(line.length).toBeLessThan(columns)
  })

  test('it says what can be pressed, and goes on after the verdict with the next round', () => {
    const { written, write } = recorded()
    const screen = new Screen(write, plain, () => ({ columns: 80, rows: 24 }))
    screen.showKeys('k kill')
    screen.tell(started)
    screen.tell({ type: 'joined', worker: 'w1', pid: 42 })
    screen.tell({ type: 'cut', worker: 'w1', partitions: 3 })
    screen.tell({ type: 'progress', done: 1000, files: 1000 })
    screen.tell(summary)
    screen.tell({ type: 'begun', round: 2, files: 3 })
    const last = written.at(-1) ?? ''
    expect(last).toContain('Round 2: 3 files')
    expect(last).toContain('cut off')
    expect(last).toContain('0 %  0 of 3 files\n  k kill\n')
    screen.tell({ type: 'left', worker: 'w1', pid: 42 })
    expect(written.at(-1)).not.toContain('cut off\n')
    screen.end()
  })

  test('the picture stays below the lines of the events, and is gone at the end', () => {
    const { written, write } = recorded()
    const screen = new Screen(write, plain, () => ({ columns: 80, rows: 24 }))
    screen.tell(started)
    screen.tell({ type: 'joined', worker: 'w1', pid: 42 })
    const [up = '', event = ''] = [written[1]?.slice(0, 8), written[1]?.slice(8)]
    expect(up).toBe('\x1b[2A\r\x1b[J')
    expect(event).toMatch(/^ .* w1 joined, process 42\n\n {2}w1 /)
    screen.tell(summary)
    expect(written.slice(2).join('')).toContain('\x1b[3A\r\x1b[J\nThe check, from what is on disk:\n')
  })
})

describe('the story', () => {
  test('says who coordinates, and that it is killed', () => {
    const lines = (event: DemoEvent) => new Story(plain).lines(event).join('\n')
    expect(lines({ ...started, servers: 3 })).toContain('3 servers vote for one that leads')
    expect(lines({ ...started, servers: 0 })).toContain('One of the workers coordinates all of them')
    expect(lines(started)).not.toMatch(/vote|coordinates/)
    const killed = { type: 'killed', worker: 'w1', pid: 42, partitions: 7 } as const
    expect(lines({ ...killed, coordinated: true })).toMatch(/^w1 killed with -9, which coordinated all of them; its 7/)
    expect(lines(killed)).toMatch(/^w1 killed with -9; its 7/)
  })

  test('says after the check what held and what did not', () => {
    const lines = (ok: boolean, overlaps: number) => {
      const story = new Story(plain)
      const faults = ok ? [] : ['two owners of partition 3']
      story.lines({ type: 'checked', ok, again: 4, claims: 700, appeared: 0, faults })
      return story.lines({ ...summary, ok, overlaps }).join('\n')
    }
    expect(lines(true, 0)).toContain('✓ one owner at a time 0 overlaps among 700 claims')
    expect(lines(true, 0)).toContain('does it again\n(this time 4 files)')
    expect(lines(false, 1)).toContain('✗ one owner at a time 1 overlaps')
    expect(lines(false, 1)).toContain('two owners of partition 3')
    expect(lines(false, 1)).toContain('The check does not hold.')
  })

  test('says why more may have moved than had to, which is no fault', () => {
    const why = 'More moved than had to'
    expect(new Story(plain).lines({ ...summary, moved: 201 }).join('\n')).toContain(why)
    expect(new Story(plain).lines(summary).join('\n')).not.toContain(why)
  })

  test('names the first files that could not be hashed, and no more', () => {
    const story = new Story(plain)
    const told = Array.from({ length: 50 }, (_, n) =>
      story.lines({ type: 'unread', path: `f${n}`, reason: 'vanished' }),
    )
    expect(told.flat()).toHaveLength(6)
    expect(told[0]).toEqual(['not hashed: f0 vanished'])
  })

  test('gives a command that can be pasted, whatever the folder is called', () => {
    const story = new Story(plain)
    story.lines({ type: 'output', file: '/tmp/S', dir: "/it's here" })
    expect(story.lines(summary).at(-1)).toContain(`(cd '/it'\\''s here' && sha256sum --quiet -c /tmp/S)`)
  })

  test('is coloured only where colours are wanted', () => {
    const joined: DemoEvent = { type: 'joined', worker: 'w1', pid: 1 }
    expect(new Story(coloured).lines(joined)).toEqual(['\x1b[32mw1\x1b[0m joined, process 1'])
    expect(new Story(plain).lines(joined)).toEqual(['w1 joined, process 1'])
  })

  test('says of every round whether it held, and what was done meanwhile', () => {
    const round = { type: 'round', round: 7, files: 9, hashed: 9, overlaps: 0, claims: 40, again: 0 } as const
    const done = { killed: 2, frozen: 0, cut: 1, joined: 0, deployed: 3 }
    const lines = (event: DemoEvent) => new Story(plain).lines(event)
    expect(lines({ ...round, ok: true, ...done, faults: [] })).toEqual([
      '✓ round 7 checked: 9 of 9 files, each once; 0 overlaps among 40 claims (2 killed, 1 cut off, 3 deployed)',
    ])
    expect(lines({ ...round, ok: false, ...done, faults: ['done twice: x'] })).toEqual([
      expect.stringMatching(/^✗ round 7/),
      '  done twice: x',
    ])
  })

  test('says once where the page is', () => {
    const story = new Story(plain)
    story.lines({ type: 'listening', server: 'peer-1', url: 'http://127.0.0.1:1', pid: 1 })
    story.lines({ type: 'listening', server: 'peer-2', url: 'http://127.0.0.1:2', pid: 2 })
    const whole = { type: 'whole', afterMs: 1, shares: { w1: 256 }, moved: 0, minimumMoves: 0 } as const
    expect(story.lines(whole)).toContain('See it in a browser: http://127.0.0.1:1/#/groups/demo')
    expect(story.lines(whole)).toHaveLength(1)
  })
})
