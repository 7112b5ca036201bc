import { SpanStatusCode } from '@opentelemetry/api'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { codeOf } from '../client/world.ts'
import { eventsOf, saidBy, tracedWorld } from './support.ts'

const share = { partitions: 4 }

describe('the view by which a member came', () => {
  test('is a span under what was active where it joined, and says what it was given', async () => {
    const { recorder, traced, within } = tracedWorld()
    const caucus = await traced()
    const joining = recorder.tracer.startActiveSpan('start up', async (span) => {
      const membership = await caucus.group('jobs').join({ id: 'a', share })
      await membership.settled()
      span.end()
      return membership
    })
    const membership = await within(2_000, joining)

    expect(recorder.tree()).toEqual(['start up', 'start up > view jobs'])
    const view = recorder.one('view jobs')
    expect(saidBy(view)).toEqual({
      'caucus.group': 'jobs',
      'caucus.member.id': 'a',
      'caucus.view.ending': 'settled',
      'caucus.view.epoch': expect.any(Number),
      'caucus.view.members': 1,
      'caucus.partitions.count': 4,
    })
    expect(view.status.code).toBe(SpanStatusCode.UNSET)
    expect(eventsOf(view)).toEqual([
      { name: 'share.granted', 'caucus.partitions': [0, 1, 2, 3], 'caucus.partitions.count': 4 },
    ])
    expect(membership.partitions).toEqual([0, 1, 2, 3])
  })

  test('of a group of indexes, says which index', async () => {
    const { recorder, traced, within } = tracedWorld()
    const membership = await within(2_000, (await traced()).group('jobs').join({ id: 'a' }))
    await within(2_000, membership.settled())
    const view = recorder.one('view jobs')
    expect(saidBy(view)).toMatchObject({ 'caucus.slot.index': 1, 'caucus.slot.total': 1, 'caucus.view.members': 1 })
    expect(eventsOf(view)).toEqual([{ name: 'share.granted', 'caucus.slot.index': 1, 'caucus.slot.total': 1 }])
  })

  test('fails with the join', async () => {
    const { recorder, traced, within } = tracedWorld()
    const caucus = await traced()
    await within(2_000, caucus.group('jobs').join({ id: 'a', share }))
    expect(await within(2_000, codeOf(caucus.group('jobs').join({ id: 'b', share: 'index' })))).toBe('CAUCUS_CONFLICT')
    const refused = recorder.one('view jobs', { 'caucus.member.id': 'b' })
    expect(saidBy(refused)).toMatchObject({ 'caucus.view.ending': 'failed', 'error.type': 'CAUCUS_CONFLICT' })
    expect(refused.status.code).toBe(SpanStatusCode.ERROR)
  })
})

describe('a later view', () => {
  test('shows the hand-over on both sides: revoked, drained, released, and then granted', async () => {
    const { recorder, traced, within, clock, seen } = tracedWorld()
    const group = (await traced()).group('jobs')
    const a = await within(2_000, group.join({ id: 'a', share }))
    await within(2_000, a.settled())
    a.onRevoke(async () => {
      await undefined
      recorder.tracer.startSpan('flush').end()
    })
    const b = await within(2_000, group.join({ id: 'b', share }))
    await seen(b, ({ partitions }) => partitions.length === 2)
    await clock.play(1_000)

    expect(recorder.tree()).toEqual(['view jobs', 'view jobs', 'view jobs', 'view jobs > flush'])
    const [, given] = recorder.all('view jobs', { 'caucus.member.id': 'a' })
    const [got] = recorder.all('view jobs', { 'caucus.member.id': 'b' })
    const moved = { 'caucus.partitions': b.partitions, 'caucus.partitions.count': 2 }
    expect(given && eventsOf(given)).toEqual([
      { name: 'share.revoked', ...moved },
      { name: 'share.released', ...moved },
    ])
    expect(got && eventsOf(got)).toEqual([{ name: 'share.granted', ...moved }])
    // One view, whoever goes through it: by its number the spans of all its members are found.
    expect(given?.attributes['caucus.view.epoch']).toBe(got?.attributes['caucus.view.epoch'])
    expect(given?.attributes['caucus.view.members']).toBe(2)
  })

  test('is none while nothing changes, however long that is', async () => {
    const { recorder, traced, within, clock } = tracedWorld()
    const a = await within(2_000, (await traced()).group('jobs').join({ id: 'a', share }))
    await within(2_000, a.settled())
    a.setMetadata({ load: 1 })
    await clock.play(20_000)
    expect(recorder.names()).toEqual(['view jobs'])
  })

  test('has the error of a drain that failed', async () => {
    const { recorder, traced, within, clock, seen } = tracedWorld()
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    onTestFinished(() => warned.mockRestore())
    const group = (await traced()).group('jobs')
    const a = await within(2_000, group.join({ id: 'a', share }))
    await within(2_000, a.settled())
    a.onRevoke(() => {
      throw new RangeError('the disk is full')
    })
    const b = await within(2_000, group.join({ id: 'b', share }))
    await seen(b, ({ partitions }) => partitions.length === 2)
    await clock.play(1_000)
    const [, given] = recorder.all('view jobs', { 'caucus.member.id': 'a' })
    expect(given?.events.map(({ name }) => name)).toEqual(['share.revoked', 'drain.failed', 'exception', 'share.lost'])
    expect(given?.status).toEqual({ code: SpanStatusCode.ERROR, message: 'the disk is full' })
    expect(warned).toHaveBeenCalledOnce()
  })

  test('says what was lost by a member that stood still, and what came back', async () => {
    const { recorder, traced, within, clock } = tracedWorld()
    const a = await within(2_000, (await traced()).group('jobs').join({ id: 'a', share }))
    await within(2_000, a.settled())
    clock.stall(5_000)
    await clock.play(2_000)
    const [, second] = recorder.all('view jobs')
    expect(second && eventsOf(second).map(({ name, ...said }) => [name, said['caucus.because' as never]])).toEqual([
      ['share.lost', 'lapsed'],
      ['share.granted', undefined],
    ])
    expect(second && saidBy(second)).toMatchObject({ 'caucus.view.ending': 'settled', 'caucus.partitions.count': 4 })
  })
})

describe('the last view', () => {
  test('ends when the member has left, after its drain', async () => {
    const { recorder, traced, within } = tracedWorld()
    const a = await within(2_000, (await traced()).group('jobs').join({ id: 'a', share }))
    await within(2_000, a.settled())
    await within(2_000, a.leave())
    const [, last] = recorder.all('view jobs')
    expect(last?.events.map(({ name }) => name)).toEqual(['share.revoked', 'share.released'])
    expect(last && saidBy(last)).toMatchObject({ 'caucus.view.ending': 'left' })
    expect(last?.status.code).toBe(SpanStatusCode.UNSET)
  })

  test('is an error when another process has taken the id', async () => {
    const { recorder, traced, within, clock } = tracedWorld()
    const [one, other] = [await traced(), await traced()]
    const a = await within(2_000, one.group('jobs').join({ id: 'a', share }))
    await within(2_000, a.settled())
    await within(2_000, other.group('jobs').join({ id: 'a', share }))
    await clock.play(3_000)
    const [, last] = recorder.all('view jobs')
    expect(last && saidBy(last)).toMatchObject({ 'caucus.view.ending': 'failed', 'error.type': 'CAUCUS_FENCED' })
    expect(last?.events[0]).toMatchObject({ name: 'share.lost', attributes: { 'caucus.because': 'fenced' } })
  })
})
