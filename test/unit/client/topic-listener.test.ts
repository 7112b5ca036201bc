import type { Heard } from 'caucus'
import { describe, expect, test } from 'vitest'
import { gate, settled } from './topic-support.ts'
import { world } from './world.ts'

describe('a listener', () => {
  test('hears every reply, whoever asked, in order', async () => {
    const { connect, within } = world()
    const [asker, other] = [await connect(), await connect()]
    const heard: Heard[] = []
    const listener = other.topic('t').listen((one) => heard.push(one))
    const looping = other.topic('t').listen()
    asker.topic('t').produce((request) => request, { id: 'p' })
    asker.topic('t').produce(() => Promise.reject(new Error('not for listeners')))
    for (const request of [1, 2, 3]) await asker.topic('t').gather(request)
    await settled()
    expect(heard).toEqual([1, 2, 3].map((value) => ({ type: 'reply', from: 'p', value })))
    const looped: unknown[] = []
    for await (const one of looping) {
      looped.push(one)
      if (looped.length === 3) break
    }
    expect(looped).toEqual(heard)
    await within(10, listener[Symbol.asyncDispose]())
    expect((await asker.topic('t').view())?.listeners).toBe(0)
    await asker.topic('t').gather(4)
    await settled()
    expect(heard).toHaveLength(3)
  })

  test('that is slow holds nobody up, and is told what it missed', async () => {
    const { connect, within } = world()
    const topic = (await connect()).topic<number>('t')
    const wait = gate()
    const heard: Heard[] = []
    await using slow = topic.listen(
      async (one) => {
        await wait.promise
        heard.push(one)
      },
      { buffer: 2 },
    )
    topic.produce((request) => request)
    for (let request = 0; request < 6; request++) {
      await within(10, topic.gather(request))
      await settled()
    }
    wait.open()
    await settled()
    expect(heard.map((one) => (one.type === 'gap' ? one : one.value))).toEqual([0, { type: 'gap', dropped: 3 }, 4, 5])
    expect(slow.failed).toBe(0)
  })

  test('whose handler fails goes on, and counts', async () => {
    const { connect } = world()
    const topic = (await connect()).topic<number>('t')
    const listener = topic.listen((one) => {
      if (one.type === 'reply' && one.value === 1) throw new Error('no ones')
    })
    topic.produce((request) => request)
    for (const request of [1, 2]) await topic.gather(request)
    await settled()
    expect([listener.failed, (listener.error as Error).message]).toEqual([1, 'no ones'])
  })

  test('ends by its signal, by its connection and by itself', async () => {
    const { connect, within } = world()
    const caucus = await connect()
    const topic = caucus.topic('t')
    const stop = new AbortController()
    const looping = topic.listen({ signal: stop.signal })
    const next = looping.next()
    const quiet = topic.listen(() => {}, { signal: stop.signal })
    stop.abort(new Error('enough'))
    await expect(next).rejects.toThrow('enough')
    await expect(topic.listen({ signal: stop.signal }).next()).rejects.toThrow('enough')
    await settled()
    expect(await topic.view()).toBeUndefined()
    expect(quiet.error).toMatchObject({ message: 'enough' })
    const last = topic.listen()
    const end = last.next()
    await within(10, caucus.close())
    expect(await end).toEqual({ done: true, value: undefined })
  })
})
