import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { Latest } from '../../../src/runtime/latest.ts'
import { sleep, until } from '../../../src/runtime/wait.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'

type State = { state: 'settling' } | { state: 'settled'; total: number }
const isSettled = (view: State): view is Extract<State, { state: 'settled' }> => view.state === 'settled'

const waiting = () => {
  const clock = new SimulatedClock()
  const latest = new Latest<State>({ state: 'settling' })
  const controller = new AbortController()
  const nothingLeft = () => {
    expect(clock.pending).toBe(0)
    expect(latest.watchers).toBe(0)
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
  }
  return { clock, latest, controller, signal: controller.signal, nothingLeft }
}

describe('until', () => {
  it('resolves with the first value that matches', async () => {
    const { clock, latest, signal, nothingLeft } = waiting()
    const settled = until(latest, isSettled, { clock, signal, timeoutMs: 5_000 })
    await clock.play(100)
    latest.set({ state: 'settled', total: 3 })
    expect((await settled).total).toBe(3)
    nothingLeft()
    expect((await until(latest, isSettled, { clock })).total).toBe(3)
    nothingLeft()
  })

  it('gives up in time, and says what it waited for', async () => {
    const { clock, latest, signal, nothingLeft } = waiting()
    const settled = until(latest, isSettled, { clock, signal, timeoutMs: 300, what: 'group "indexers" to settle' })
    clock.advance(300)
    await expect(settled).rejects.toMatchObject({
      code: 'CAUCUS_TIMEOUT',
      message: 'waited 300 ms for group "indexers" to settle',
    })
    nothingLeft()
  })

  it('rejects with the reason of its signal, before and while it waits', async () => {
    const { clock, latest, controller, signal, nothingLeft } = waiting()
    const settled = until(latest, isSettled, { clock, signal, timeoutMs: 300 })
    controller.abort('called off')
    await expect(settled).rejects.toBe('called off')
    await expect(until(latest, isSettled, { clock, signal, timeoutMs: 300 })).rejects.toBe('called off')
    nothingLeft()
  })

  it('rejects when no value can come any more, and with whatever the predicate throws', async () => {
    const { clock, latest, signal, nothingLeft } = waiting()
    const broken = () => {
      throw new Error('the predicate broke')
    }
    await expect(until(latest, broken, { clock, signal, timeoutMs: 300 })).rejects.toThrow('the predicate broke')
    const settled = until(latest, isSettled, { clock, signal, timeoutMs: 300 })
    latest.close()
    await expect(settled).rejects.toMatchObject({ code: 'CAUCUS_CLOSED' })
    nothingLeft()
  })
})

describe('sleep', () => {
  it('lasts as long as it says, by its clock', async () => {
    const { clock, signal, nothingLeft } = waiting()
    let awake = false
    const slept = sleep(clock, 1_000, { signal }).then(() => {
      awake = true
    })
    await clock.play(999)
    expect(awake).toBe(false)
    await clock.play(1)
    await slept
    nothingLeft()
  })

  it('is cut short by its signal', async () => {
    const { clock, controller, signal, nothingLeft } = waiting()
    const slept = sleep(clock, 1_000, { signal, ref: false })
    expect(clock.alive).toBe(false)
    controller.abort('called off')
    await expect(slept).rejects.toBe('called off')
    await expect(sleep(clock, 1_000, { signal })).rejects.toBe('called off')
    nothingLeft()
  })
})
