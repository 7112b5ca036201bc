import { describe, expect, test, vi } from 'vitest'
import type { ServerState } from '../../../src/demo/coordination.ts'
import type { Worker } from '../../../src/demo/crew.ts'
import { deedOf } from '../../../src/demo/deeds.ts'
import type { DemoEvent } from '../../../src/demo/events.ts'
import { Hands, type HandsOn } from '../../../src/demo/hands.ts'

type Mutable = { -readonly [K in keyof Worker]: Worker[K] }

/** A team that does nothing but write down what was asked of it. */
const team = (ids: readonly string[], servers: readonly ServerState[] = []) => {
  const done: string[] = []
  const workers: Mutable[] = ids.map((id) => ({
    id,
    child: { pid: 7 } as Worker['child'],
    isAtWork: true,
    isFrozen: false,
    isCut: false,
    isLeaving: false,
  }))
  const states = servers.map((each) => ({ ...each }))
  const set = (worker: Worker, change: Partial<Mutable>, what: string) => {
    Object.assign(worker, change)
    done.push(`${what} ${worker.id}`)
  }
  const server = (state: ServerState['state'], what: string) => (id: string) => {
    for (const each of states) if (each.id === id) Object.assign(each, { state })
    done.push(`${what} ${id}`)
  }
  const on: HandsOn = {
    isOver: false,
    canCut: true,
    get atWork() {
      return workers.filter(({ isAtWork }) => isAtWork)
    },
    whole: { shares: { w1: 3, w2: 2 } },
    coordination: {
      servers: states,
      ...(servers.length > 1 && {
        serverFaults: {
          kill: async (id: string) => server('down', 'kill')(id),
          freeze: server('frozen', 'freeze'),
          wake: server('up', 'wake'),
        },
      }),
    } as unknown as HandsOn['coordination'],
    kill: async (worker) => set(worker, { isAtWork: false }, 'kill'),
    freeze: (worker) => set(worker, { isFrozen: true }, 'freeze'),
    wake: (worker) => set(worker, { isFrozen: false }, 'wake'),
    cut: (worker) => set(worker, { isCut: true }, 'cut'),
    heal: (worker) => set(worker, { isCut: false }, 'heal'),
    add: async () => void done.push('add'),
    replace: async (worker) => {
      set(worker, { isAtWork: false }, 'replace')
      await new Promise((resolve) => setImmediate(resolve))
    },
    failOver: async () => {
      throw new Error('nobody leads')
    },
  }
  const told: DemoEvent[] = []
  return { on, done, told, hands: new Hands(on, (event) => told.push(event)) }
}
const up = (id: string): ServerState => ({ id, pid: 8, state: 'up' })
const VOTERS = [up('peer-1'), up('peer-2')]
const until = (isSo: () => boolean) => vi.waitFor(() => expect(isSo()).toBe(true))

describe('hands', () => {
  test('each fault meets another worker, where nobody is named', async () => {
    const { hands, done } = team(['w1', 'w2', 'w3'])
    await hands.perform({ do: 'kill' })
    await hands.perform({ do: 'freeze' })
    await hands.perform({ do: 'cut' })
    expect(done).toEqual(['kill w1', 'freeze w3', 'cut w2'])
    await expect(hands.perform({ do: 'freeze' })).rejects.toThrow('add one first')
    hands.stop()
  })

  test('the same key takes back what it did', async () => {
    const { hands, done } = team(['w1', 'w2', 'w3'], VOTERS)
    for (const what of ['freeze', 'freeze', 'cut', 'cut'] as const) await hands.perform(hands.toggle(what))
    expect(done).toEqual(['freeze w2', 'wake w2', 'cut w3', 'heal w3'])
    await hands.perform({ do: 'freeze', who: 'peer-1' })
    await hands.perform(hands.toggle('freeze'))
    expect(done.slice(4)).toEqual(['freeze peer-1', 'wake peer-1'])
    hands.stop()
  })

  test('the last worker is not killed: nobody could go on with the work', async () => {
    const { hands, done } = team(['w1', 'w2'])
    await hands.perform({ do: 'kill', who: 'w2' })
    await expect(hands.perform({ do: 'kill', who: 'w1' })).rejects.toMatchObject({ code: 'CAUCUS_CONFLICT' })
    expect(done).toEqual(['kill w2'])
  })

  test('what is not there, or is so already, is refused by name', async () => {
    const { hands } = team(['w1', 'w2'], VOTERS)
    const refused = (order: unknown) => expect(hands.perform(deedOf(order))).rejects
    await refused({ do: 'kill', who: 'w9' }).toMatchObject({ code: 'CAUCUS_NOT_FOUND' })
    // Nothing but the names of its own: no process is reached by its number.
    await refused({ do: 'kill', who: '1' }).toMatchObject({ code: 'CAUCUS_NOT_FOUND' })
    await refused({ do: 'wake', who: 'w1' }).toThrow('w1 is not frozen')
    await refused({ do: 'wake', who: 'peer-1' }).toThrow('peer-1 is not frozen')
    await refused({ do: 'heal' }).toThrow('nobody is cut off')
    await hands.perform({ do: 'freeze', who: 'w1' })
    await refused({ do: 'freeze', who: 'w1' }).toThrow('w1 is frozen already')
    await refused({ do: 'cut', who: 'peer-1' }).toMatchObject({ code: 'CAUCUS_NOT_FOUND' })
    hands.stop()
  })

  test('a server alone is left alone; of several each may go', async () => {
    const alone = team(['w1', 'w2'], [up('the server')])
    await expect(alone.hands.perform({ do: 'kill', who: 'the server' })).rejects.toThrow('the only server')
    const { hands, done } = team(['w1', 'w2'], VOTERS)
    await hands.perform({ do: 'kill', who: 'peer-2' })
    expect(done).toEqual(['kill peer-2'])
  })

  test('nobody stays frozen or cut off for ever, and none at the end', async () => {
    vi.useFakeTimers()
    try {
      const { hands, done } = team(['w1', 'w2', 'w3'], VOTERS)
      await hands.perform({ do: 'freeze', who: 'w1' })
      await hands.perform({ do: 'cut', who: 'w1' })
      await hands.perform({ do: 'freeze', who: 'peer-1' })
      vi.runAllTimers()
      expect(done.slice(3)).toEqual(['wake w1', 'heal w1', 'wake peer-1'])
      await hands.perform({ do: 'freeze', who: 'w2' })
      await hands.perform({ do: 'freeze', who: 'peer-2' })
      hands.makeGood()
      expect(done.slice(6)).toEqual(['freeze w2', 'freeze peer-2', 'wake w2', 'wake peer-2'])
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })

  test('a rolling deploy replaces one after the other, and only one is under way', async () => {
    const { hands, done, told, on } = team(['w1', 'w2', 'w3'])
    await hands.perform({ do: 'deploy' })
    await expect(hands.perform({ do: 'deploy' })).rejects.toThrow('under way')
    // Killed before its turn: nobody misses it.
    const third = on.atWork.find(({ id }) => id === 'w3')
    if (third !== undefined) await on.kill(third)
    await until(() => !hands.isDeploying)
    expect(done).toEqual(['replace w1', 'kill w3', 'replace w2'])
    expect(told.map(({ type }) => type)).toEqual(['deploying', 'deployed'])
  })

  test('what goes wrong later is told, and ends nothing', async () => {
    const { hands, told } = team(['w1'], VOTERS)
    await hands.perform({ do: 'failover' })
    await until(() => told.length > 0)
    expect(told).toEqual([{ type: 'refused', because: 'nobody leads' }])
  })

  test('there are never more workers than one machine bears', async () => {
    const { hands } = team(Array.from({ length: 50 }, (_, n) => `w${n}`))
    await expect(hands.perform({ do: 'add' })).rejects.toThrow('50 workers')
  })

  test('a page sees who is in which state', async () => {
    const { hands } = team(['w1', 'w2'])
    await hands.perform({ do: 'cut', who: 'w2' })
    expect(hands.workers).toEqual([
      { id: 'w1', pid: 7, state: 'at work', partitions: 3 },
      { id: 'w2', pid: 7, state: 'cut off', partitions: 2 },
    ])
    hands.stop()
  })
})

describe('an order from outside', () => {
  test.each([
    [undefined, 'an order is an object'],
    [null, 'an order is an object'],
    [[], 'an order is an object'],
    ['kill', 'an order is an object'],
    [{}, '"do" is one of'],
    [{ do: 'toString' }, '"do" is one of'],
    [{ do: ['kill'] }, '"do" is one of'],
    [{ do: 'kill', who: 1 }, '"who" is the name'],
    [{ do: 'kill', who: 'w'.repeat(1_000) }, '"who" is the name'],
    [{ do: 'add', who: 'w1' }, 'leave "who" out'],
    [{ do: 'kill', pid: 1 }, 'no field "pid"'],
  ])('%j is refused', (order, message) => {
    expect(() => deedOf(order)).toThrow(message)
  })

  test('is taken as it is otherwise', () => {
    expect(deedOf({ do: 'kill', who: 'w1' })).toEqual({ do: 'kill', who: 'w1' })
    expect(deedOf({ do: 'deploy' })).toEqual({ do: 'deploy' })
  })
})
