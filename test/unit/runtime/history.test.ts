import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { History } from '../../../src/runtime/history.ts'
import { collect } from './collect.ts'

const joined = (id: number) => ({ type: 'member.joined' as const, id })

describe('the history of events', () => {
  it('yields everything recorded since the call, in order', async () => {
    const history = new History<ReturnType<typeof joined>>()
    history.record(joined(0))
    const events = history.events()
    history.record(joined(1))
    history.record(joined(2))
    history.close()
    expect(await collect(events)).toEqual([joined(1), joined(2)])
    expect(history.listeners).toBe(0)
  })

  it('says how many events a slow loop has missed, and goes on with the newest', async () => {
    const history = new History<ReturnType<typeof joined>>()
    const slow = history.events({ buffer: 2 })
    const fast = history.events({ buffer: 5 })
    for (let id = 1; id <= 5; id++) history.record(joined(id))
    history.close()
    expect(await collect(slow)).toEqual([{ type: 'gap', dropped: 3 }, joined(4), joined(5)])
    expect(await collect(fast)).toHaveLength(5)
  })

  it('wakes a loop that waits', async () => {
    const history = new History<ReturnType<typeof joined>>()
    const events = history.events()
    const next = events.next()
    history.record(joined(7))
    expect(await next).toEqual({ value: joined(7), done: false })
    await events.return()
    expect(history.listeners).toBe(0)
  })

  it('releases its buffer and its listener when the signal aborts, though nobody is looping', async () => {
    const history = new History<ReturnType<typeof joined>>()
    const controller = new AbortController()
    const events = history.events({ signal: controller.signal })
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
    controller.abort('called off')
    expect(history.listeners).toBe(0)
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
    await expect(events.next()).rejects.toBe('called off')
    expect(await events.next()).toEqual({ value: undefined, done: true })
  })

  it('ends at once after closing, and for a signal that is already aborted rejects', async () => {
    const history = new History<ReturnType<typeof joined>>()
    await expect(history.events({ signal: AbortSignal.abort('too late') }).next()).rejects.toBe('too late')
    history.close()
    history.record(joined(1))
    expect(await collect(history.events())).toEqual([])
    expect(history.listeners).toBe(0)
  })

  it('refuses a buffer that cannot hold anything', () => {
    const history = new History()
    expect(() => history.events({ buffer: 0 })).toThrow('give a whole number of at least 1')
    expect(() => history.events({ buffer: Number.NaN })).toThrow(
      expect.objectContaining({ code: 'CAUCUS_INVALID_ARGUMENT' }),
    )
  })
})
