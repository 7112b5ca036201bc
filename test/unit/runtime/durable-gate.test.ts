import { describe, expect, test } from 'vitest'
import type { ElectionEffect } from '../../../src/core/election/io.ts'
import type { ElectionRecord } from '../../../src/core/election/record.ts'
import type { VoterStore } from '../../../src/ports/voter-store.ts'
import { DurableGate } from '../../../src/runtime/durable-gate.ts'
import { RecordWriter } from '../../../src/runtime/record-writer.ts'

const sender = { id: 'a', bootId: 'x', cluster: 'c', voters: '', storeId: '' }
const send = (to: string, after?: number): Extract<ElectionEffect, { type: 'send' }> => ({
  type: 'send',
  to,
  message: { type: 'observe', sender },
  ...(after !== undefined && { after }),
})
const to = (sends: readonly { to: string }[]) => sends.map((each) => each.to)

describe('what may not be said before it is written', () => {
  test('waits for its own write, and goes out in order', () => {
    const gate = new DurableGate<ReturnType<typeof send>>()
    expect(gate.admit(send('now'))).toBe('now')
    expect(['1', '2', '2b'].map((each) => gate.admit(send(each, Number.parseInt(each, 10))))).toEqual(
      Array(3).fill('later'),
    )
    expect(to(gate.ended(1, true))).toEqual(['1'])
    expect(to(gate.ended(2, true))).toEqual(['2', '2b'])
    expect(gate.admit(send('again', 1))).toBe('now')
  })

  test('is never said when its write failed, also when a later one succeeds', () => {
    const gate = new DurableGate<ReturnType<typeof send>>()
    gate.admit(send('lost', 1))
    expect(gate.ended(1, false)).toEqual([])
    expect(gate.admit(send('late', 1))).toBe('never')
    gate.admit(send('next', 2))
    expect(to(gate.ended(2, true))).toEqual(['next'])
  })

  test('is bounded: the oldest go', () => {
    const gate = new DurableGate<ReturnType<typeof send>>(2)
    for (const each of ['a', 'b', 'c']) gate.admit(send(each, 1))
    expect(to(gate.ended(1, true))).toEqual(['b', 'c'])
  })
})

test('what is ordered while a write is under way is written together, and every ticket ends in order', async () => {
  const written: number[] = []
  const ended: string[] = []
  let finish: () => void = () => undefined
  const store: VoterStore = {
    found: undefined,
    lost: new Promise(() => undefined),
    save: ({ term }) => {
      written.push(term)
      return new Promise((resolve, reject) => {
        finish = term === 3 ? () => reject(new Error('full')) : resolve
      })
    },
    close: async () => undefined,
  }
  const writer = new RecordWriter<ElectionRecord>({
    save: (written) => store.save(written),
    unsaved: 'it could not be written',
    telemetry: undefined,
    ended: (ticket, ok) => void ended.push(`${ticket} ${ok}`),
  })
  const record = (term: number): ElectionRecord => ({
    cluster: 'c',
    voter: 'a',
    voters: ['a'],
    storeId: 's',
    base: 1,
    complete: true,
    term,
    promiseMs: 0,
  })
  for (const term of [1, 2, 3]) writer.write(term, record(term))
  expect(written).toEqual([1])
  const step = async () => {
    finish()
    await new Promise((resolve) => setImmediate(resolve))
  }
  await step()
  expect({ written, ended }).toEqual({ written: [1, 3], ended: ['1 true'] })
  await step()
  expect(ended).toEqual(['1 true', '2 false', '3 false'])
})
