import { readdirSync, renameSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LocalOptions } from 'caucus'
import { afterEach, describe, expect, test } from 'vitest'
import { Box, TIMING } from './support/local-box.ts'
import { waitFor } from './support/wait.ts'

const boxes: Box[] = []
const open = (options: LocalOptions = {}): Box => {
  const box = new Box(options)
  boxes.push(box)
  return box
}
afterEach(async () => {
  await Promise.all(boxes.splice(0).map((box) => box.close()))
})

const NOTHING = { overlaps: [], falls: [] }
const NAMES = ['a', 'b', 'c']
/** What is over by then is over. */
const LEASE_AND_MORE_MS = TIMING.leaseMs * 1.5

/** Three processes that hold everything. */
const three = async (options: LocalOptions = {}): Promise<Box> => {
  const box = open(options)
  await Promise.all(NAMES.map((id) => box.start(id)))
  await box.whole(NAMES)
  return box
}
const othersOf = (id: string) => NAMES.filter((each) => each !== id)

describe('processes of one machine, with nothing else', () => {
  test('find each other, also when all start at once, and one of them coordinates', async () => {
    const box = open()
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    await Promise.all(names.map((id) => box.start(id)))
    await box.whole(names)
    expect(readdirSync(box.directory).filter((name) => name.endsWith('.door'))).toHaveLength(1)
    expect(box.judge()).toMatchObject(NOTHING)
  })

  test('go on when the one that coordinates is killed: what the others hold stays theirs, what it held is theirs later', async () => {
    // Long enough for a machine that is busy with others: what is kept is kept by being back in time.
    const box = await three({ timing: { leaseMs: 8_000, settleMs: 100 } })
    for (const round of [1, 2]) {
      const { id } = box.servingWorker()
      const others = othersOf(id)
      const before = others.map((each) => box.worker(each).held)
      await box.end(id, 'SIGKILL')
      await box.whole(others)
      for (const [index, each] of others.entries()) {
        const now = box.worker(each).held
        // Under the tokens of before: nobody let go of anything meanwhile.
        for (const [what, epoch] of before[index] ?? [])
          expect([each, what, now.get(what)]).toEqual([each, what, epoch])
      }
      expect(box.serving().term).toBeGreaterThan(round)
      await box.start(id)
      await box.whole(NAMES)
    }
    expect(box.judge()).toMatchObject(NOTHING)
  })

  test('begin above the tokens of before when all of them were killed at once', async () => {
    const box = await three()
    const before = Math.max(...NAMES.flatMap((id) => [...box.worker(id).held.values()]))
    await Promise.all(NAMES.map((id) => box.end(id, 'SIGKILL')))
    await Promise.all(NAMES.map((id) => box.start(id)))
    await box.whole(NAMES)
    for (const id of NAMES) for (const epoch of box.worker(id).held.values()) expect(epoch).toBeGreaterThan(before)
    expect(box.judge()).toMatchObject(NOTHING)
  })

  test('do not wait for one that stands still: another one coordinates, and on waking it acts on nothing', async () => {
    const box = await three()
    const { id } = box.servingWorker()
    const { term } = box.serving()
    box.signal(id, 'SIGSTOP')
    await box.whole(othersOf(id))
    expect(box.serving().term).toBeGreaterThan(term)
    await sleep(LEASE_AND_MORE_MS)
    box.signal(id, 'SIGCONT')
    // By then it would have given to itself what others have.
    await sleep(LEASE_AND_MORE_MS)
    await box.whole(NAMES)
    expect(box.judge()).toMatchObject(NOTHING)
  })

  test('do not wait for one that is busy with itself either', async () => {
    const box = await three()
    const { id } = box.servingWorker()
    const { term } = box.serving()
    box.tell(id, { spinMs: 3 * TIMING.leaseMs })
    await box.whole(othersOf(id))
    expect(box.serving().term).toBeGreaterThan(term)
    await box.whole(NAMES)
    expect(box.judge()).toMatchObject(NOTHING)
  })

  test('give away nothing of one that has not said what it holds, until its lease has run out', async () => {
    const box = await three()
    const { id } = box.servingWorker()
    const [busy = '', idle = ''] = othersOf(id)
    // It acts on what it holds all the while, and hears of no other coordinator.
    box.tell(busy, { spinMs: 2 * TIMING.leaseMs })
    await box.end(id, 'SIGKILL')
    await box.whole([idle])
    await box.whole([busy, idle])
    expect(box.judge()).toMatchObject(NOTHING)
  })

  test('hand over in good order: whoever coordinates ends, and nobody waits for a lease', async () => {
    const box = await three()
    for (const id of NAMES) {
      const rest = NAMES.filter((each) => each > id)
      await box.end(id, 'SIGTERM')
      if (rest.length > 0) await box.whole(rest)
    }
    await box.start('d')
    await box.whole(['d'])
    expect(box.judge()).toMatchObject(NOTHING)
  })

  test('keep to the promises when their directory is taken from them', async () => {
    const box = await three()
    renameSync(box.directory, `${box.directory}-lost`)
    await waitFor('another directory', () => {
      try {
        return box.serving().term > 0
      } catch {
        // Not there yet.
        return false
      }
    })
    // Two of them that did not know of each other would have given out the same by then.
    await sleep(2 * LEASE_AND_MORE_MS)
    await box.whole(NAMES)
    expect(box.judge()).toMatchObject(NOTHING)
  })
})

describe('the workers of a cluster', () => {
  test('are reloaded one after the other, each answers on the port of all, and no two ever held the same', async () => {
    const box = open()
    const primary = await box.startCluster(3)
    const ready = box.said.filter(({ type }) => type === 'ready')
    await box.whole(ready.map(({ id }) => id))
    const ports = new Set(ready.map(({ port }) => port))
    expect(ports.size).toBe(1)
    const [port] = ports
    const answered = new Set<string>()
    for (let n = 0; n < 12; n++) answered.add(await (await fetch(`http://127.0.0.1:${port}/`)).text())
    // Answers of the application, and of no coordinator that listens beside it.
    expect(ready.map(({ id }) => id)).toEqual(expect.arrayContaining([...answered]))
    primary.send({ reload: true })
    await box.untilSaid('reloaded')
    const later = box.said.filter(({ type }) => type === 'ready').slice(3)
    await box.whole(later.map(({ id }) => id))
    expect(box.judge()).toMatchObject(NOTHING)
  })
})
