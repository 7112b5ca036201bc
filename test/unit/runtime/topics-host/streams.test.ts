import { describe, expect, test } from 'vitest'
import { CaucusError } from '../../../../src/errors.ts'
import type { TopicsLimits } from '../../../../src/runtime/dispatch/topics-host-limits.ts'
import { type Process, room } from './room.ts'

const piece = (length: number) => Buffer.alloc(length, 'x')

/** One process reads what another one streams: under the number that each has for it. */
const streaming = (limits: Partial<TopicsLimits> = {}) => {
  const all = room(limits)
  const [asker, p] = [all.link('asker'), all.link('p')]
  p.produces(1, 'file', 'p')
  // So that the two numbers differ.
  asker.asks(1, 'file')
  p.replies(p.request())
  asker.asks(2, 'file')
  const request = p.request()
  p.replies(request, { kind: 'stream', stream: request })
  const stream = streamOf(asker)
  return { ...all, asker, p, request, stream }
}

const streamOf = (asker: Process): number => {
  const payload = asker.takes('answered').at(-1)?.payload
  expect(payload?.kind).toBe('stream')
  return (payload as { stream: number }).stream
}

describe('a streamed reply', () => {
  test('goes from one process to the other as its reader makes room, after its ask has ended too', () => {
    const { host, asker, p, request, stream, isEmpty } = streaming()
    expect(asker.takes('finished').map(({ ask }) => ask)).toEqual([1, 2])
    expect(host.sizes()).toMatchObject({ asks: 0, streams: 1 })
    asker.says({ type: 'credit', stream, bytes: 100_000 })
    expect(p.takes('credit')).toEqual([{ type: 'credit', stream: request, bytes: 100_000 }])
    p.says({ type: 'chunk', stream: request, bytes: piece(60_000) })
    p.says({ type: 'chunk', stream: request, bytes: piece(40_000) }, { type: 'end', stream: request })
    expect(asker.takes('chunk').map(({ stream: which, bytes }) => [which, bytes.length])).toEqual([
      [stream, 60_000],
      [stream, 40_000],
    ])
    expect(asker.takes('end')).toEqual([{ type: 'end', stream }])
    expect(host.sizes().streams).toBe(0)
    isEmpty(asker, p)
  })

  test('that sends more than its reader has room for ends its link', () => {
    const { asker, p, request, stream, isEmpty } = streaming()
    asker.says({ type: 'credit', stream, bytes: 10 })
    p.says({ type: 'chunk', stream: request, bytes: piece(11) })
    expect(p.faults).toEqual([expect.stringContaining('credit for 10')])
    expect(asker.takes('end')).toMatchObject([{ stream, error: { code: 'CAUCUS_CONNECTION_LOST' } }])
    isEmpty(asker)
  })

  test('whose reader makes more room than a stream may have ends the link of the reader', () => {
    const { asker, p, request, stream, isEmpty } = streaming()
    asker.says({ type: 'credit', stream, bytes: 256 * 1024 })
    asker.says({ type: 'credit', stream, bytes: 1 })
    expect(asker.faults).toHaveLength(1)
    expect(p.takes('stop')).toEqual([{ type: 'stop', stream: request }])
    isEmpty(p)
  })

  test('that is stopped is stopped at its source, and what was on its way is dropped', () => {
    const { asker, p, request, stream, isEmpty } = streaming()
    asker.says({ type: 'credit', stream, bytes: 10 }, { type: 'stop', stream })
    expect(p.takes('stop')).toEqual([{ type: 'stop', stream: request }])
    p.says({ type: 'chunk', stream: request, bytes: piece(10) }, { type: 'end', stream: request })
    asker.says({ type: 'credit', stream, bytes: 10 }, { type: 'stop', stream })
    expect([asker.takes('chunk'), asker.takes('end'), asker.faults, p.faults]).toEqual([[], [], [], []])
    isEmpty(asker, p)
  })

  test('ends with an error when its producer goes, and is stopped when its reader goes', () => {
    const lost = streaming()
    lost.p.close()
    expect(lost.asker.takes('end')).toMatchObject([{ error: { code: 'CAUCUS_CONNECTION_LOST' } }])
    lost.isEmpty(lost.asker)
    const left = streaming()
    left.asker.close()
    expect(left.p.takes('stop')).toHaveLength(1)
    left.isEmpty(left.p)
  })

  test('of which nothing moves for too long is over, on both sides', () => {
    const { clock, host, asker, p, request, stream, isEmpty } = streaming({ streamIdleMs: 1_000 })
    clock.advance(900)
    asker.says({ type: 'credit', stream, bytes: 10 })
    clock.advance(900)
    p.says({ type: 'chunk', stream: request, bytes: piece(5) })
    clock.advance(900)
    expect(host.sizes().streams).toBe(1)
    clock.advance(400)
    expect(asker.takes('end')).toMatchObject([{ stream, error: { code: 'CAUCUS_TIMEOUT' } }])
    expect(p.takes('stop')).toHaveLength(1)
    expect(host.sizes().streams).toBe(0)
    isEmpty(asker, p)
  })

  test('is not held up by others that were let send and say nothing', () => {
    const { asker, p, request, stream, isEmpty } = streaming({ streamBytesPerLink: 256 * 1024 })
    asker.says({ type: 'credit', stream, bytes: 256 * 1024 })
    expect(p.takes('credit')).toMatchObject([{ stream: request, bytes: 256 * 1024 }])
    asker.asks(3, 'file')
    const next = p.request()
    p.replies(next, { kind: 'stream', stream: next })
    const second = streamOf(asker)
    asker.says({ type: 'credit', stream: second, bytes: 100_000 })
    let sent = 0
    while (sent < 100_000) {
      const [credit, ...others] = p.takes('credit')
      expect([credit?.stream, others]).toEqual([next, []])
      const bytes = credit?.bytes ?? 0
      p.says({ type: 'chunk', stream: next, bytes: piece(bytes) })
      sent += bytes
    }
    expect(asker.takes('chunk').map(({ stream: which }) => which === second)).not.toContain(false)
    expect(sent).toBe(100_000)
    isEmpty(asker, p)
  })

  test.each([
    ['its reader', 'ask'],
    ['its sender', 'producer'],
  ])('is over for both once %s may not use the topic any more', (_who, which) => {
    const { host, asker, p, request, stream, isEmpty } = streaming()
    const reviewed = which === 'ask' ? asker : p
    const fault = new CaucusError('CAUCUS_FORBIDDEN', 'not on this topic')
    reviewed.review((what, topic) => (what === which && topic === 'file' ? fault : undefined))
    expect(asker.takes('end')).toMatchObject([{ stream, error: { code: 'CAUCUS_FORBIDDEN' } }])
    expect(p.takes('stop')).toEqual([{ type: 'stop', stream: request }])
    expect(host.sizes().streams).toBe(0)
    isEmpty(asker, p)
  })

  test('goes on when the rules change and still allow it', () => {
    const { host, asker, p, isEmpty } = streaming()
    asker.review((what) => (what === 'ask' ? undefined : new CaucusError('CAUCUS_FORBIDDEN', 'not that')))
    p.review(() => undefined)
    expect([asker.takes('end'), p.takes('stop'), host.sizes().streams]).toEqual([[], [], 1])
    isEmpty(asker, p)
  })

  test('waits for room in a link that is not read, and goes on once there is some', () => {
    const { clock, asker, p, request, stream, isEmpty } = streaming({ streamBytesPerLink: 100_000 })
    asker.bufferedBytes = 80_000
    asker.says({ type: 'credit', stream, bytes: 60_000 })
    expect(p.takes('credit')).toEqual([{ type: 'credit', stream: request, bytes: 20_000 }])
    clock.advance(200)
    expect(p.takes('credit')).toEqual([])
    asker.bufferedBytes = 0
    clock.advance(200)
    expect(p.takes('credit')).toEqual([{ type: 'credit', stream: request, bytes: 40_000 }])
    isEmpty(asker, p)
  })

  test('that is one too many is a failure, and stopped', () => {
    const { asker, p, isEmpty } = streaming({ streamsPerLink: 1 })
    asker.asks(3, 'file')
    const request = p.request()
    p.replies(request, { kind: 'stream', stream: request })
    expect(asker.takes('failed')).toMatchObject([{ ask: 3, error: { code: 'CAUCUS_OVERLOADED' } }])
    expect(p.takes('stop')).toEqual([{ type: 'stop', stream: request }])
    isEmpty(asker, p)
  })

  test('that comes too late is stopped, also when the reply before it in the same frame ended the ask', () => {
    const { link, isEmpty } = room()
    const [asker, p] = [link('asker'), link('p')]
    p.produces(1, 'file', 'a')
    p.produces(2, 'file', 'b')
    asker.asks(1, 'file', { until: 'first' })
    const [one, two] = p.takes('request').map(({ request }) => request) as [number, number]
    p.says(
      { type: 'reply', request: one, payload: { kind: 'none' } },
      { type: 'reply', request: two, payload: { kind: 'stream', stream: two } },
    )
    expect(p.takes('stop')).toEqual([{ type: 'stop', stream: two }])
    expect(asker.takes('answered')).toHaveLength(1)
    isEmpty(asker, p)
  })

  test('is heard by its asker alone: who listens is told of a gap', () => {
    const { clock, link, isEmpty } = room()
    const [asker, p, ears] = [link('asker'), link('p'), link('ears')]
    p.produces(1, 'file', 'p')
    ears.says({ type: 'listen', listener: 1, topic: 'file' })
    asker.asks(1, 'file')
    const request = p.request()
    p.replies(request, { kind: 'stream', stream: request })
    clock.advance(100)
    expect(ears.told).toEqual([{ type: 'gap', listener: 1, dropped: 1 }])
    isEmpty(asker, p, ears)
  })
})
