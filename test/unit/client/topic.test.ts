import type { Failure, Reply } from 'caucus'
import { describe, expect, test } from 'vitest'
import { gate, never, settled, valuesOf } from './topic-support.ts'
import { codeOf, world } from './world.ts'

describe('everybody is asked', () => {
  test('and the replies come in order of arrival, with who gave them', async () => {
    const { connect, within } = world()
    const here = await connect()
    const there = await connect()
    const slow = gate<string>()
    here.topic('price').produce(() => slow.promise, { id: 'slow' })
    there.topic('price').produce((sku) => `${sku}: 3`, { id: 'quick' })
    const asking = here.topic('price').gather('milk')
    await settled()
    slow.open('4')
    const gathered = await within(100, asking)
    expect(gathered.replies).toEqual([
      { type: 'reply', from: 'quick', value: 'milk: 3' },
      { type: 'reply', from: 'slow', value: '4' },
    ])
    expect(gathered).toMatchObject({ errors: [], missing: [], left: [], expected: 2, ending: 'met', late: 0 })
  })

  test('as a loop, whose end says how it went', async () => {
    const { connect, within } = world()
    const topic = (await connect()).topic('t')
    topic.produce(() => 1, { id: 'one' })
    topic.produce(never, { id: 'silent' })
    const asking = topic.ask('?', { withinMs: 300 })
    const heard: (Reply | Failure)[] = []
    const read = async () => {
      for await (const answer of asking) heard.push(answer)
    }
    expect(asking.summary).toBeUndefined()
    await within(310, read())
    expect(heard).toEqual([{ type: 'reply', from: 'one', value: 1 }])
    expect(JSON.parse(JSON.stringify(asking.summary))).toEqual({
      expected: 2,
      replied: 1,
      errors: 0,
      refused: 0,
      missing: ['silent'],
      left: [],
      released: [],
      ending: 'timeout',
      code: 'CAUCUS_TIMEOUT',
      late: 0,
    })
  })

  test('and nobody there is an answer, too, at once', async () => {
    const { connect } = world()
    const topic = (await connect()).topic('empty')
    // No time goes by here.
    expect(await topic.gather('?')).toMatchObject({ expected: 0, ending: 'nobody', code: 'CAUCUS_NO_RESPONDERS' })
    const asking = topic.ask('?')
    expect(await asking.next()).toMatchObject({ done: true, value: { ending: 'nobody' } })
    expect(await topic.view()).toBeUndefined()
  })

  test('those who come later are not expected, and those who leave count as left at once', async () => {
    const { connect, within } = world()
    const topic = (await connect()).topic('t')
    const gone = topic.produce(never, { id: 'gone' })
    const asking = topic.gather('?', { withinMs: 10_000 })
    topic.produce(() => 'late', { id: 'later' })
    gone.close()
    expect(await within(10, asking)).toMatchObject({
      replies: [],
      expected: 1,
      missing: ['gone'],
      left: ['gone'],
      ending: 'exhausted',
    })
  })

  test('by id, by metadata, one of N, and one of each queue', async () => {
    const { connect } = world()
    const topic = (await connect()).topic('t')
    for (const id of ['a', 'b', 'c']) topic.produce(() => id, { id, metadata: { zone: id === 'c' ? 'east' : 'west' } })
    const asked = async (to: NonNullable<Parameters<typeof topic.ask>[1]>['to']) =>
      valuesOf((await topic.gather('?', to === undefined ? {} : { to })).replies).join('')
    expect(await asked({ id: 'b' })).toBe('b')
    expect(await asked({ id: ['c', 'a', 'nobody'] })).toBe('ac')
    expect(await asked({ metadata: { zone: 'west' } })).toBe('ab')
    expect(await asked({ metadata: { zone: 'north' } })).toBe('')
    // In turn, as nobody is busier than another.
    expect([await asked({ pick: 1 }), await asked({ pick: 1 }), await asked({ pick: 1 })].sort()).toEqual([
      'a',
      'b',
      'c',
    ])
    for (const id of ['d', 'e']) topic.produce(() => id, { id, queue: 'workers' })
    for (const id of ['f', 'g']) topic.produce(() => id, { id, queue: 'others' })
    const twice = [await asked(undefined), await asked(undefined)]
    expect(twice.map((ids) => [...ids].sort().join(''))).toEqual(['abcdf', 'abceg'])
  })
})

describe('an ask ends', () => {
  test('with the first reply, and the others are called off', async () => {
    const { connect, within } = world()
    const topic = (await connect()).topic('t')
    const signals: AbortSignal[] = []
    topic.produce(() => 'quick', { id: 'quick' })
    for (const id of ['x', 'y']) {
      topic.produce(
        (_request, { signal }) => {
          signals.push(signal)
          return never()
        },
        { id },
      )
    }
    const gathered = await within(10, topic.gather('?', { until: 'first' }))
    expect(gathered).toMatchObject({ replies: [{ value: 'quick' }], missing: [], released: ['x', 'y'], ending: 'met' })
    await Promise.resolve()
    expect(signals.map(({ aborted, reason }) => [aborted, reason.code])).toEqual([
      [true, 'CAUCUS_CLOSED'],
      [true, 'CAUCUS_CLOSED'],
    ])
  })

  test('with N replies; failures are none; more than there are is all', async () => {
    const { connect } = world()
    const topic = (await connect()).topic('t')
    for (const id of ['a', 'b', 'c']) topic.produce(() => id, { id })
    topic.produce(() => Promise.reject(new Error('no')), { id: 'bad' })
    expect(await topic.gather('?', { until: 2 })).toMatchObject({ replies: [{}, {}], ending: 'met' })
    expect(await topic.gather('?', { until: 9 })).toMatchObject({ replies: [{}, {}, {}], ending: 'exhausted' })
  })

  test('once nobody has said anything for a while', async () => {
    const { connect, within, clock } = world()
    const topic = (await connect()).topic('t')
    const second = gate<number>()
    topic.produce(() => 1)
    topic.produce(() => second.promise)
    topic.produce(never, { id: 'silent' })
    const asking = topic.gather('?', { until: { quiet: 50 }, withinMs: 1_000 })
    await clock.play(40)
    second.open(2)
    await clock.play(40)
    const at = clock.now()
    expect(await within(20, asking)).toMatchObject({ replies: [{ value: 1 }, { value: 2 }], released: ['silent'] })
    expect(clock.now() - at).toBeLessThanOrEqual(20)
  })

  test('when the loop is left: the producers are aborted, and nothing is left behind', async () => {
    const { connect, clock } = world()
    const topic = (await connect()).topic('t')
    let signal: AbortSignal | undefined
    topic.produce(() => 'quick')
    topic.produce((_request, context) => {
      signal = context.signal
      return never()
    })
    const timers = clock.pending
    for await (const answer of topic.ask('?')) {
      expect(answer).toMatchObject({ value: 'quick' })
      break
    }
    await settled()
    expect(signal?.aborted).toBe(true)
    await clock.play(1)
    expect(clock.pending).toBeLessThanOrEqual(timers)
  })

  test('by its signal, which says why', async () => {
    const { connect } = world()
    const topic = (await connect()).topic('t')
    const aborted: unknown[] = []
    topic.produce((_request, { signal }) => {
      signal.addEventListener('abort', () => aborted.push(signal.reason))
      return never()
    })
    const stop = new AbortController()
    const gathering = topic.gather('?', { signal: stop.signal })
    const looping = topic.ask('?', { signal: stop.signal }).next()
    await settled()
    stop.abort(new Error('enough'))
    await expect(gathering).rejects.toThrow('enough')
    await expect(looping).rejects.toThrow('enough')
    await expect(topic.gather('?', { signal: stop.signal })).rejects.toThrow('enough')
    await expect(topic.ask('?', { signal: stop.signal }).next()).rejects.toThrow('enough')
    await settled()
    // One at a time: the second had not begun.
    expect(aborted).toHaveLength(1)
    expect((await topic.view())?.producers).toMatchObject([{ queued: 0 }])
  })

  test('with its connection', async () => {
    const { connect, within } = world()
    const [asker, producer] = [await connect(), await connect()]
    let signal: AbortSignal | undefined
    producer.topic('t').produce((_request, context) => {
      signal = context.signal
      return never()
    })
    const asking = asker.topic('t').gather('?')
    const code = codeOf(asking)
    await settled()
    await within(100, asker.close())
    expect(await code).toBe('CAUCUS_CLOSED')
    await settled()
    expect(signal?.aborted).toBe(true)
    expect(await codeOf((async () => asker.topic('t').gather('?'))())).toBe('CAUCUS_CLOSED')
    expect(() => asker.topic('t').produce(() => 1)).toThrow('closed')
  })

  test('no later than its limit, after a stall too; what comes then is counted and dropped', async () => {
    const { connect, within, clock } = world()
    const topic = (await connect()).topic('t')
    const late = gate<string>()
    let remaining: number | undefined
    topic.produce(
      (_request, context) => {
        remaining = context.remainingMs
        return late.promise
      },
      { id: 'late' },
    )
    const asking = topic.gather('?', { withinMs: 100 })
    await clock.play(99)
    clock.stall(500)
    const gathered = await within(10, asking)
    expect(remaining).toBe(100)
    expect(gathered).toMatchObject({ missing: ['late'], ending: 'timeout', code: 'CAUCUS_TIMEOUT', late: 0 })
    late.open('too late')
    await settled()
    expect([gathered.late, (await topic.view())?.late, gathered.replies]).toEqual([1, 1, []])
  })
})
