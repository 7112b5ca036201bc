import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { Latest } from '../../../src/runtime/latest.ts'
import { collect } from './collect.ts'

const abortListeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length

describe('watching the latest value', () => {
  it('yields the current one first, then the newest: a slow loop skips what is outdated', async () => {
    const latest = new Latest(1)
    const seen: number[] = []
    for await (const value of latest.watch()) {
      seen.push(value)
      if (value === 1) for (const next of [2, 3, 4]) latest.set(next)
      if (value === 4) break
    }
    expect(seen).toEqual([1, 4])
    expect(latest.watchers).toBe(0)
  })

  it('wakes a loop that waits, and not for a value that is already there', async () => {
    const latest = new Latest('a')
    const watch = latest.watch()
    expect(await watch.next()).toEqual({ value: 'a', done: false })
    const next = watch.next()
    latest.set('a')
    latest.set('b')
    expect(await next).toEqual({ value: 'b', done: false })
    await watch.return()
  })

  it('serves each loop on its own', async () => {
    const latest = new Latest(1)
    const fast = latest.watch()
    const slow = latest.watch()
    await fast.next()
    latest.set(2)
    expect((await fast.next()).value).toBe(2)
    expect((await slow.next()).value).toBe(2)
    expect(latest.watchers).toBe(2)
  })

  it('ends every loop when it closes, after each has seen the last value', async () => {
    const latest = new Latest('running')
    const loops = [collect(latest.watch()), collect(latest.watch())]
    await Promise.resolve()
    latest.set('closed')
    latest.close()
    latest.set('after')
    for (const seen of await Promise.all(loops)) expect(seen).toEqual(['running', 'closed'])
    expect(latest.watchers).toBe(0)
    expect(await collect(latest.watch())).toEqual(['closed'])
  })

  it('rejects with the reason of its signal and leaves no listener on it', async () => {
    const latest = new Latest(1)
    const controller = new AbortController()
    const watch = latest.watch({ signal: controller.signal })
    await watch.next()
    const waiting = watch.next()
    expect(abortListeners(controller.signal)).toBe(1)
    controller.abort('called off')
    await expect(waiting).rejects.toBe('called off')
    expect(await watch.next()).toEqual({ value: undefined, done: true })
    expect(abortListeners(controller.signal)).toBe(0)
    expect(latest.watchers).toBe(0)
  })

  it('rejects the next step of a loop whose signal aborted while it was busy, though a value is there', async () => {
    const latest = new Latest(1)
    const controller = new AbortController()
    const seen: number[] = []
    const loop = async () => {
      for await (const value of latest.watch({ signal: controller.signal })) {
        seen.push(value)
        latest.set(2)
        controller.abort('called off')
      }
    }
    await expect(loop()).rejects.toBe('called off')
    expect(seen).toEqual([1])
    await expect(latest.watch({ signal: controller.signal }).next()).rejects.toBe('called off')
    expect(latest.watchers).toBe(0)
  })

  it('keeps quiet about an abort to a loop that had already returned', async () => {
    const controller = new AbortController()
    const watch = new Latest(1).watch({ signal: controller.signal })
    await watch.next()
    controller.abort('called off')
    await watch.return()
    expect(await watch.next()).toEqual({ value: undefined, done: true })
  })

  it('leaves nothing behind on a long-lived signal, whichever way a loop ends', async () => {
    const latest = new Latest(1)
    const { signal } = new AbortController()
    latest.watch({ signal }) // never looped over
    for await (const _ of latest.watch({ signal })) break
    const throwing = async () => {
      for await (const _ of latest.watch({ signal })) throw new Error('in the loop')
    }
    await expect(throwing()).rejects.toThrow('in the loop')
    const returned = latest.watch({ signal })
    await returned.next()
    const waiting = returned.next()
    await returned[Symbol.asyncDispose]()
    await returned[Symbol.asyncDispose]()
    expect(await waiting).toEqual({ value: undefined, done: true })
    expect(latest.watchers).toBe(0)
    expect(abortListeners(signal)).toBe(0)
  })
})
