import { SpanStatusCode } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { codeOf } from '../client/world.ts'
import { eventsOf, saidBy, tracedWorld } from './support.ts'

describe('a campaign', () => {
  test('is a span until it is won, and the tenure one beside it, with the same token', async () => {
    const { recorder, traced, within } = tracedWorld()
    const caucus = await traced()
    const leading = recorder.tracer.startActiveSpan('nightly', async (span) => {
      const token = await caucus.election('scheduler').lead(async (tenure) => tenure.token, { id: 'a' })
      span.end()
      return token
    })
    const token = await within(5_000, leading)

    expect(recorder.tree()).toEqual(['nightly', 'nightly > campaign scheduler', 'nightly > tenure scheduler'])
    const campaign = recorder.one('campaign scheduler')
    const tenure = recorder.one('tenure scheduler')
    const who = { 'caucus.election': 'scheduler', 'caucus.candidate.id': 'a', 'caucus.token': token }
    expect(saidBy(campaign)).toEqual({ ...who, 'caucus.campaign.ending': 'elected' })
    expect(saidBy(tenure)).toEqual({ ...who, 'caucus.tenure.ending': 'resigned' })
    expect(tenure.links.map(({ context }) => context.spanId)).toEqual([campaign.spanContext().spanId])
    expect([tenure.status.code, eventsOf(tenure)]).toEqual([SpanStatusCode.UNSET, []])
  })

  test('that is called off is no error, and has no tenure', async () => {
    const { recorder, traced, within, clock } = tracedWorld()
    const caucus = await traced()
    const first = await within(5_000, caucus.election('scheduler').campaign({ id: 'a' }))
    const controller = new AbortController()
    const second = caucus.election('scheduler').campaign({ id: 'b', signal: controller.signal })
    second.catch(() => undefined)
    await clock.play(100)
    controller.abort(new Error('enough'))
    await expect(second).rejects.toThrow('enough')
    const campaign = recorder.one('campaign scheduler', { 'caucus.candidate.id': 'b' })
    expect(saidBy(campaign)).toMatchObject({ 'caucus.campaign.ending': 'abandoned' })
    expect(campaign.status.code).toBe(SpanStatusCode.UNSET)
    await within(5_000, first.resign())
    expect(recorder.all('tenure scheduler')).toHaveLength(1)
  })
})

describe('a tenure', () => {
  test('that was lost is an error, and goes on until the work has stopped; the next campaign is its own', async () => {
    const { recorder, traced, within, clock } = tracedWorld()
    const caucus = await traced()
    const tokens: number[] = []
    const leading = caucus.election('scheduler').lead(
      async ({ token, signal }) => {
        tokens.push(token)
        if (tokens.length === 1) await new Promise((resolve) => signal.addEventListener('abort', resolve))
      },
      { id: 'a' },
    )
    await clock.play(1_000)
    expect(tokens).toHaveLength(1)
    clock.stall(5_000)
    await within(10_000, leading)

    const [lost, kept] = recorder.all('tenure scheduler')
    expect(lost && saidBy(lost)).toMatchObject({
      'caucus.tenure.ending': 'lapsed',
      'caucus.token': tokens[0],
      'error.type': 'CAUCUS_LEADERSHIP_LOST',
    })
    expect(lost && eventsOf(lost)).toEqual([{ name: 'tenure.lost', 'caucus.because': 'lapsed' }])
    expect(lost?.status.code).toBe(SpanStatusCode.ERROR)
    expect(kept && saidBy(kept)).toMatchObject({ 'caucus.tenure.ending': 'resigned', 'caucus.token': tokens[1] })
    expect(recorder.all('campaign scheduler')).toHaveLength(2)
  })

  test('has the error of its work', async () => {
    const { recorder, traced, within } = tracedWorld()
    const caucus = await traced()
    const fails = () => {
      throw new RangeError('no such job')
    }
    await expect(within(5_000, caucus.election('scheduler').lead(fails))).rejects.toThrow('no such job')
    const tenure = recorder.one('tenure scheduler')
    expect(tenure.status).toEqual({ code: SpanStatusCode.ERROR, message: 'no such job' })
    expect(saidBy(tenure)).toMatchObject({ 'caucus.tenure.ending': 'resigned', 'error.type': 'RangeError' })
  })

  test('ends with the connection, and with the signal of whoever led', async () => {
    const { recorder, traced, within, clock } = tracedWorld()
    const [one, other] = [await traced(), await traced()]
    await within(5_000, one.election('first').campaign())
    await within(5_000, one.close())
    const controller = new AbortController()
    const leading = other
      .election('second')
      .lead(
        ({ signal }) =>
          new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
        { signal: controller.signal },
      )
    await clock.play(1_000)
    controller.abort(new Error('enough'))
    await expect(within(5_000, leading)).rejects.toThrow('enough')
    const endings = ['first', 'second'].map((name) => recorder.one(`tenure ${name}`).attributes['caucus.tenure.ending'])
    expect(endings).toEqual(['closed', 'aborted'])
  })

  test('is not the parent of what is done under it: it may last for weeks', async () => {
    const { recorder, traced, within } = tracedWorld()
    const caucus = await traced()
    await within(
      5_000,
      caucus.election('scheduler').lead(async () => recorder.tracer.startSpan('tick').end()),
    )
    expect(recorder.tree()).toEqual(['campaign scheduler', 'tenure scheduler', 'tick'])
  })
})

describe('a run of once()', () => {
  const NOON = 1_700_049_600_000

  test('is a span where it runs, the parent of what it does, and nowhere else', async () => {
    const { recorder, traced, within } = tracedWorld({ wallMs: () => NOON })
    const [one, other] = [await traced(), await traced()]
    const work = () => {
      recorder.tracer.startSpan('report').end()
    }
    const calls = [one, other].map((caucus) => caucus.once('nightly', NOON, work))
    const results = await within(5_000, Promise.all(calls))
    expect(results.filter(({ ran }) => ran)).toHaveLength(1)
    expect(recorder.tree()).toEqual(['once nightly', 'once nightly > report'])
    expect(saidBy(recorder.one('once nightly'))).toEqual({
      'caucus.once': 'nightly',
      'caucus.once.at': '2023-11-15T12:00:00.000Z',
      'caucus.token': expect.any(Number),
      'caucus.once.outcome': 'done',
    })
  })

  test('that fails, and one that is lost, are errors', async () => {
    const { recorder, traced, within, clock } = tracedWorld({ wallMs: () => NOON })
    const caucus = await traced()
    const failing = caucus.once('failing', NOON, () => {
      throw new RangeError('no paper')
    })
    await expect(within(5_000, failing)).rejects.toThrow('no paper')
    const losing = codeOf(
      caucus.once('losing', NOON, ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve))),
    )
    await clock.play(1_000)
    clock.stall(5_000)
    expect(await within(10_000, losing)).toBe('CAUCUS_ONCE_LOST')
    const said = ['failing', 'losing'].map((name) => saidBy(recorder.one(`once ${name}`)))
    expect(said).toMatchObject([
      { 'caucus.once.outcome': 'failed', 'error.type': 'RangeError' },
      { 'caucus.once.outcome': 'lost', 'error.type': 'CAUCUS_ONCE_LOST' },
    ])
  })
})
