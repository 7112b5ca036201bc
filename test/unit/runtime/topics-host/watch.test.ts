import { describe, expect, test } from 'vitest'
import type { AsksSeen } from '../../../../src/core/dispatch/sight.ts'
import { room } from './room.ts'

const next = async (watching: AsyncIterator<AsksSeen, undefined>): Promise<AsksSeen> => {
  const { value } = await watching.next()
  return value ?? expect.fail('the watch has ended')
}

/** True when nothing comes while the loop goes round. */
const isSilent = async (watching: AsyncIterator<AsksSeen, undefined>): Promise<boolean> => {
  let heard = false
  void watching.next().then(() => {
    heard = true
  })
  for (let i = 0; i < 10; i++) await Promise.resolve()
  return !heard
}

describe('whoever watches a topic', () => {
  test('is told what is known at once, and then a few times a second what is new', async () => {
    const { clock, host, link } = room()
    const [asker, p] = [link('asker'), link('p')]
    p.produces(1, 'price', 'shop-1')
    asker.asks(1, 'price', { withinMs: 5_000 })
    const watching = host.watch('price')
    expect(await next(watching)).toMatchObject({
      ...{ type: 'asks', anew: true, untold: 0, producers: 1, listeners: 0, rates: { asksPerSecond: 0 } },
      asks: [{ ask: 1, expected: 1, lanes: [{ id: 'shop-1', outcome: 'waiting' }] }],
    })
    clock.advance(100)
    p.replies(p.request())
    asker.asks(2, 'price')
    const told = watching.next()
    clock.advance(149)
    expect(await Promise.race([told, 'nothing yet'])).toBe('nothing yet')
    clock.advance(1)
    expect((await told).value).toMatchObject({
      anew: false,
      asks: [
        { ask: 1, ending: 'met', tookMs: 100, lanes: [{ outcome: 'reply', afterMs: 100 }] },
        { ask: 2, ageMs: 150, lanes: [{ outcome: 'waiting' }] },
      ],
    })
    // Nothing new but, once in a second, how much it is used.
    const rates = watching.next()
    clock.advance(1_000)
    expect((await rates).value).toMatchObject({ asks: [], rates: { asksPerSecond: 1, repliesPerSecond: 1 } })
    await watching.return?.()
  })

  test('is told nothing where nothing happens, and keeps no process alive', async () => {
    const { clock, host } = room()
    const watching = host.watch('price')
    expect(await next(watching)).toEqual({ type: 'asks', anew: true, asks: [], untold: 0 })
    clock.advance(60_000)
    expect(await isSilent(watching)).toBe(true)
    await watching.return?.()
  })

  test('costs nothing before its loop begins, and nothing after it', async () => {
    const { clock, host, link, isEmpty } = room()
    const before = clock.pending
    host.watch('price')
    expect(clock.pending).toBe(before)
    const watching = [host.watch('price'), host.watch('price'), host.watch('stock')]
    for (const each of watching) await next(each)
    expect(clock.pending).toBe(before + 1)
    await watching[0]?.return?.()
    await watching[2]?.return?.()
    expect(clock.pending).toBe(before + 1)
    await watching[1]?.return?.()
    expect(clock.pending).toBe(before)
    isEmpty(link('asker'))
  })

  test('is given the same as everybody who knows as much, which is made once', async () => {
    const { clock, host, link } = room()
    const [asker, p] = [link('asker'), link('p')]
    p.produces(1, 'price', 'shop-1')
    const [one, other] = [host.watch('price'), host.watch('price')]
    expect(await next(one)).toBe(await next(other))
    asker.asks(1, 'price')
    const both = [next(one), next(other)] as const
    clock.advance(250)
    const [first, second] = await Promise.all(both)
    expect(first.asks).toHaveLength(1)
    expect(first).toBe(second)
    const late = host.watch('price')
    expect(await next(late)).toMatchObject({ anew: true, asks: first.asks })
    for (const each of [one, other, late]) await each.return?.()
  })

  test('is told the newest, once, when it was slow', async () => {
    const { clock, host, link } = room()
    const [asker, p] = [link('asker'), link('p')]
    p.produces(1, 'price', 'shop-1')
    const watching = host.watch('price')
    await next(watching)
    for (let ask = 1; ask <= 5; ask++) {
      asker.asks(ask, 'price')
      p.replies(p.request())
      clock.advance(1_000)
    }
    expect((await next(watching)).asks.map(({ ending }) => ending)).toEqual(['met', 'met', 'met', 'met', 'met'])
    expect(await isSilent(watching)).toBe(true)
    await watching.return?.()
  })

  test('hears of asks to nobody, and then of whoever comes', async () => {
    const { clock, host, link } = room()
    const asker = link('asker')
    const watching = host.watch('price')
    await next(watching)
    asker.asks(1, 'price')
    const told = next(watching)
    clock.advance(250)
    expect(await told).toMatchObject({ asks: [{ ask: 1, expected: 0, lanes: [], ending: 'nobody' }] })
    link('p').produces(1, 'price', 'shop-1')
    const later = next(watching)
    clock.advance(1_000)
    expect(await later).toMatchObject({ producers: 1, rates: { asksPerSecond: 0 } })
    await watching.return?.()
  })

  test('ends with its signal, and with the host', async () => {
    const { host, clock } = room()
    const off = new AbortController()
    const [one, other] = [host.watch('price', { signal: off.signal }), host.watch('price')]
    await next(one)
    await next(other)
    const [called, closed] = [one.next(), other.next()]
    off.abort(new Error('enough'))
    await expect(called).rejects.toThrow('enough')
    host.close()
    expect(await closed).toEqual({ value: undefined, done: true })
    expect(await host.watch('price').next()).toEqual({ value: undefined, done: true })
    expect(clock.pending).toBe(0)
  })
})
