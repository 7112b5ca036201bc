import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { columnsOf } from '../../../../src/cli/cells.ts'
import { render, renderOnce } from '../../../../src/cli/top/frame.ts'
import { colouredText, textOf } from '../../../../src/cli/top/lines.ts'
import { FIRST_LOOK } from '../../../../src/cli/top/looking.ts'
import { Screen } from '../../../../src/cli/top/screen.ts'
import type { TopState } from '../../../../src/cli/top/state.ts'
import { group, leader, member, peers, picture, state } from './states.ts'
import { TinyTerminal } from './tiny-terminal.ts'

const shown = (of: TopState, size = { columns: 100, rows: 30 }): readonly string[] => render(of, size).map(textOf)

const jobs = group('jobs', {
  share: { partitions: 8 },
  state: 'settling',
  epoch: 12,
  members: [
    member('w1', { partitions: [0, 1, 2], revoked: [3], epoch: 11 }),
    member('w2', { partitions: [4, 5, 6, 7], epoch: 12, weight: 2 }),
  ],
})
const scheduler = group('election/scheduler', {
  share: 'tenure',
  members: [member('s1', { leads: true, epoch: 31 }), member('s2')],
})
const search = group('service/search', {
  share: 'none',
  members: [
    member('i1', { metadata: { host: '10.0.0.7', port: 80 } }),
    member('i2', { metadata: { host: '10.0.0.8', port: 80, status: 'critical' } }),
  ],
})
const price = {
  topic: 'price',
  producers: [
    { id: 'p1', concurrency: 1, queued: 2 },
    { id: 'p2', concurrency: 1, queued: 1 },
  ],
  listeners: 4,
  late: 5,
  rates: {
    ...{ asksPerSecond: 1_234.5, repliesPerSecond: 20, errorsPerSecond: 0.04, refusedPerSecond: 0 },
    ...{ timeoutsPerSecond: 0, p50Ms: 4.2, p99Ms: 1_500 },
  },
}
const everything = picture([jobs, scheduler, search], { topics: [price] })

describe('the screen', () => {
  test('shows groups, elections, services and topics', () => {
    const lines = shown(state({ picture: everything, moved: new Map([['jobs', 3]]) }))
    expect(lines.slice(0, 12)).toEqual([
      'caucus 0.1.0  http://127.0.0.1:8989  exclusion fenced  12:30:00',
      '',
      '  GROUP      KIND          STATE     EPOCH  MEMBERS  MOVING  MOVED  NOTES',
      '> jobs       8 partitions  settling     12        2       1      3',
      '  scheduler  election      settled      31        2       0      0  s1 leads',
      '',
      '  SERVICE  INSTANCES  UP',
      '  search           2   1',
      '',
      '  TOPIC  PRODUCERS  QUEUED  ASKS/S  REPLIES/S  FAILED/S  TIMEOUTS/S     P50    P99  LISTENERS  LATE',
      '  price          2       3    1235         20      <0.1           0  4.2 ms  1.5 s          4     5',
      '',
    ])
    expect(lines.at(-1)).toBe('up/down choose  enter open  s sort (name)  r reverse  q quit')
  })

  test('says of a group in which nobody is that it is empty: it waits for nothing', () => {
    const idle = group('idle', { state: 'settling', members: [] })
    const [row] = shown(state({ picture: picture([idle]) })).filter((each) => each.includes('idle'))
    expect(row).toBe('> idle   index  empty      7        0       0      0')
    const opened = { ...FIRST_LOOK, opened: 'idle' }
    expect(shown(state({ picture: picture([idle]), looking: opened })).join('\n')).toMatch(
      /idle {2}index {2}empty {2}epoch 7/,
    )
  })

  test('shows topics of a server that says nothing of their use', () => {
    const { rates: _, ...older } = price
    const lines = shown(state({ picture: picture([], { topics: [older] }) }))
    expect(lines.find((line) => line.includes('price'))).toMatch(/price +2 +3 +- +- +- +- +- +- +4 +5$/)
  })

  test('shows who leads, with the lease running down until it is heard again', () => {
    const led = { leader, atMs: 10_000, fullMs: 800 }
    const at = (nowMs: number) => shown(state({ picture: everything, peers, led, nowMs }))[1]
    expect(at(10_000)).toBe('leader a on 10.0.0.1:8989, term 4, token 9, lease ############.... 600 ms')
    expect(at(10_400)).toBe('leader a on 10.0.0.1:8989, term 4, token 9, lease ####............ 200 ms')
    expect(at(10_700)).toBe('leader a on 10.0.0.1:8989, term 4, token 9, lease ................ 0 ms')
    expect(shown(state({ picture: everything, peers, led }))[2]).toBe(
      'peers as a sees them, quorum 2 of 3:  a leads  b there  c not connected (connect ECONNREFUSED)',
    )
  })

  test('says when nobody leads, and for whom they wait', () => {
    const waiting = { ...peers, waitingFor: ['c'] }
    expect(shown(state({ picture: everything, peers: waiting }))[1]).toBe(
      'nobody leads; 2 of 3 voters have to be there and agree, and it waits for c',
    )
  })

  test('says that no server answers, and how old the picture is', () => {
    const lost = {
      why: 'no server answers (http://127.0.0.1:8989: connect ECONNREFUSED); is one running?',
      sinceMs: 3_000,
    }
    const [, line, ...others] = shown(state({ picture: everything, lost }), { columns: 120, rows: 30 })
    expect(line).toMatch(/^NO ANSWER; what stands below is 7 s old; still trying: no server answers .*ECONNREFUSED/)
    expect(others.join('\n')).toContain('jobs')
    expect(shown(state({ lost })).join('\n')).toMatch(/NO ANSWER; still trying/)
  })

  test('shows one group with its members and its last events', () => {
    const looking = { ...FIRST_LOOK, chosen: 'jobs', opened: 'jobs' }
    const opened = { events: ['06:08:57.120 member.joined     w2 joined.'] }
    const lines = shown(state({ picture: everything, looking, opened, moved: new Map([['jobs', 3]]) }))
    expect(lines.slice(1, 10)).toEqual([
      '',
      'jobs  8 partitions  settling  epoch 12  2 members  moving 1, moved 3',
      '',
      'MEMBER  SHARE  EPOCH  WEIGHT  NOTES        METADATA',
      'w1      0-2       11       1  finishing 3',
      'w2      4-7       12       2',
      '',
      'LAST EVENTS',
      '06:08:57.120 member.joined     w2 joined.',
    ])
  })

  test('shows the instances of a service where they are', () => {
    const looking = { ...FIRST_LOOK, opened: 'service/search' }
    const text = shown(state({ picture: everything, looking })).join('\n')
    expect(text).toMatch(/^i1 +10\.0\.0\.7:80 .* up/m)
    expect(text).toMatch(/^i2 +10\.0\.0\.8:80 .* critical/m)
    expect(text).toContain('none yet')
  })

  test('says of an opened group that is gone that nobody is in it, and keeps its events', () => {
    const looking = { ...FIRST_LOOK, opened: 'jobs' }
    const text = shown(state({ picture: picture([]), looking, opened: { events: ['w2 left'] } })).join('\n')
    expect(text).toContain('jobs: nobody is in it now')
    expect(text).toContain('w2 left')
  })

  test('keeps the group under the cursor in sight, and says how many others there are', () => {
    const groups = Array.from({ length: 200 }, (_, n) => group(`g${String(n).padStart(3, '0')}`))
    const looking = { ...FIRST_LOOK, chosen: 'g150' }
    const lines = shown(state({ picture: picture(groups), looking }), { columns: 80, rows: 12 })
    expect(lines.find((line) => line.startsWith('>'))).toMatch(/^> g150/)
    expect(lines[2]).toContain('(192 more)')
    expect(lines).toHaveLength(12)
  })

  test('shows the newest events and the members asked for where not all fit', () => {
    const members = Array.from({ length: 5_000 }, (_, n) => member(`m${n}`, { index: n + 1 }))
    const looking = { ...FIRST_LOOK, opened: 'big', above: 100 }
    const events = Array.from({ length: 50 }, (_, n) => `event ${n}`)
    const lines = shown(state({ picture: picture([group('big', { members })]), looking, opened: { events } }))
    expect(lines).toHaveLength(30)
    expect(lines[4]).toMatch(/\(100 above, \d+ below\)$/)
    expect(lines[5]).toMatch(/^m100 +101 of 5000/)
    expect(lines.at(-2)).toBe('event 49')
  })

  test('has no keys to show where nobody can press one', () => {
    const lines = shown(state({ picture: everything, keys: false }))
    expect(lines.at(-1)).toBe('Ctrl-C ends')
    expect(lines.join('\n')).not.toContain('>')
  })
})

test('printed once, it shows everything, however much that is', () => {
  const groups = Array.from({ length: 200 }, (_, n) => group(`g${n}`))
  const lines = renderOnce(
    state({ picture: picture([...groups, ...everything.groups], { topics: [price] }), keys: false }),
  )
  const text = lines.map(textOf).join('\n')
  for (const { name } of groups) expect(text).toContain(`  ${name} `)
  expect(text).toContain('price')
  expect(text).not.toContain('more)')
})

// biome-ignore lint/suspicious/noControlCharactersInRegex: a colour begins and ends with one
const COLOURED = /\x1b\[[1-9]\d*m[^\x1b]*\x1b\[0m/g

describe('whatever somebody calls a thing', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.constantFrom(
      '\x1b[2J\x1b[1;1Hgone',
      'a\nb\rc\td\u0007',
      '\u009b31m',
      '\u202eevil',
      '長'.repeat(60),
      `a${'\u0301'.repeat(60)}`,
      '\u0301',
      '👨‍👩‍👧‍👦'.repeat(30),
      'x'.repeat(5_000),
      '\ud800',
      '',
    ),
  )
  const states = fc.record({
    name: hostile,
    id: hostile,
    metadata: fc.oneof(hostile, fc.jsonValue()),
    topic: hostile,
    why: hostile,
    event: hostile,
    isOpen: fc.boolean(),
  })
  const sizes = fc.record({ columns: fc.integer({ min: 1, max: 140 }), rows: fc.integer({ min: 1, max: 30 }) })

  test('every line has its place, and nothing reaches the terminal but what is meant for it', () => {
    fc.assert(
      fc.property(states, sizes, ({ name, id, metadata, topic, why, event, isOpen }, size) => {
        const of = state({
          server: name,
          picture: picture([group(name, { share: 'tenure', members: [member(id, { leads: true, metadata })] })], {
            version: id,
            topics: [{ ...price, topic }],
          }),
          peers: {
            ...peers,
            identifier: id,
            waitingFor: [name],
            peers: [{ ...peers.peers[2]!, identifier: id, problem: why }],
          },
          lost: { why, sinceMs: 0 },
          opened: { events: [event], problem: why },
          looking: { ...FIRST_LOOK, ...(isOpen && { opened: name }) },
        })
        const lines = render(of, size)
        expect(lines.length).toBeLessThanOrEqual(size.rows)
        for (const each of lines) expect(columnsOf(textOf(each))).toBeLessThanOrEqual(size.columns)
        const terminal = new TinyTerminal(size)
        terminal.write(new Screen(true).change(lines, size))
        expect(terminal.complaints).toEqual([])
        // Colours are closed where they are opened.
        for (const each of lines) expect(colouredText(each).replace(COLOURED, '')).not.toContain('\x1b')
      }),
      { numRuns: 300 },
    )
  })
})
