import { once } from 'node:events'
import { setTimeout as nodeSleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { LeaseSignal } from '../../../src/runtime/lease-signal.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'

const lost = new Error('the lease ran out; stop writing')

const leased = (until: number | undefined = 6_000) => {
  const clock = new SimulatedClock()
  const lease = { until: until as number | undefined, asked: 0 }
  const log: string[] = []
  const handle = new LeaseSignal({
    clock: clock.holder,
    validUntil: () => lease.until,
    reason: () => {
      lease.asked++
      return lost
    },
  })
  handle.signal.addEventListener('abort', () => log.push('event'))
  return { clock, lease, handle, signal: handle.signal, log }
}

describe('the signal of a lease', () => {
  it('aborts when the lease ends, with its reason, and leaves no timer', () => {
    const { clock, lease, signal, log } = leased()
    signal.onabort = () => log.push('onabort')
    clock.advance(5_999)
    expect(signal.aborted).toBe(false)
    expect(signal.reason).toBeUndefined()
    signal.throwIfAborted()
    clock.advance(1)
    expect(log).toEqual(['event', 'onabort'])
    expect(signal.aborted).toBe(true)
    expect(signal.reason).toBe(lost)
    expect(() => signal.throwIfAborted()).toThrow(lost)
    expect(lease.asked).toBe(1)
    expect(clock.pending).toBe(0)
  })

  it('is read as aborted right after a stall, before any timer of ours has run', () => {
    const { clock, signal, log } = leased()
    clock.setTimer(1, () => log.push(`somebody’s overdue timer reads ${signal.aborted}`))
    clock.stall(7_000)
    expect(signal.aborted).toBe(true)
    expect(log).toEqual([])
    clock.advance()
    expect(log).toEqual(['somebody’s overdue timer reads true', 'event'])
  })

  it('also counts the time for which the machine slept', () => {
    const { clock, signal, log } = leased()
    clock.suspend(6_000)
    expect(signal.aborted).toBe(true)
    clock.advance()
    expect(log).toEqual(['event'])
  })

  it('runs on with each renewal, and costs no more than one timer', () => {
    const { clock, lease, signal, log } = leased()
    for (let i = 0; i < 10; i++) {
      clock.advance(1_000)
      lease.until = clock.holder.now() + 6_000
      expect(clock.pending).toBe(1)
    }
    expect(log).toEqual([])
    expect(signal.aborted).toBe(false)
    clock.advance(6_000)
    expect(log).toEqual(['event'])
  })

  it('once read as aborted is not revived by a late renewal', () => {
    const { clock, lease, signal, log } = leased()
    clock.stall(6_000)
    expect(signal.aborted).toBe(true)
    lease.until = 20_000
    expect(signal.aborted).toBe(true)
    clock.advance()
    expect(log).toEqual(['event'])
  })

  it('can be ended early, and keeps the first reason', () => {
    const { clock, handle, signal, log } = leased()
    handle.abort('handed over')
    handle.abort('again')
    clock.advance(10_000)
    expect(log).toEqual(['event'])
    expect(signal.reason).toBe('handed over')
    expect(clock.pending).toBe(0)
  })

  it('follows a lease that became shorter when told to look', () => {
    const { clock, lease, handle, signal, log } = leased()
    lease.until = 100
    clock.stall(100)
    expect(signal.aborted).toBe(true)
    handle.check()
    expect(log).toEqual(['event'])
    lease.until = undefined
    expect(new LeaseSignal({ clock, validUntil: () => undefined, reason: () => lost }).signal.aborted).toBe(true)
    expect(clock.pending).toBe(0)
  })

  it('treats a lease that is not a number as over', () => {
    expect(leased(Number.NaN).signal.aborted).toBe(true)
  })

  it('disposed of sends no event, leaves no timer, keeps no process alive, and still reads true', () => {
    const { clock, handle, signal, log } = leased()
    expect(clock.alive).toBe(false)
    handle[Symbol.dispose]()
    handle[Symbol.dispose]()
    expect(clock.pending).toBe(0)
    handle.check()
    expect(clock.pending).toBe(0)
    clock.advance(10_000)
    expect(log).toEqual([])
    expect(signal.aborted).toBe(true)
  })

  it('is Node’s own kind of signal: timers, events and fetch take it, before and after its end', async () => {
    const { clock, signal } = leased()
    expect(signal).toBeInstanceOf(AbortSignal)
    const waiting = [nodeSleep(60_000, undefined, { signal }), once(new EventTarget(), 'never', { signal })]
    const ended = waiting.map((wait) => expect(wait).rejects.toMatchObject({ name: 'AbortError', cause: lost }))
    const combined = AbortSignal.any([signal])
    clock.stall(6_000)
    await expect(fetch('http://127.0.0.1:9', { signal })).rejects.toBe(lost)
    clock.advance()
    await Promise.all(ended)
    expect(combined.reason).toBe(lost)
    // An ordinary aborted signal now, with nothing left to compute.
    expect(Object.hasOwn(signal, 'aborted')).toBe(false)
    await expect(fetch('http://127.0.0.1:9', { signal })).rejects.toBe(lost)
  })
})
