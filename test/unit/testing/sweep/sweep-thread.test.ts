import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, expect, test } from 'vitest'
import { SweepThread, ThreadDied } from '../../../../src/testing/sweep/sweep-thread.ts'

const folder = mkdtempSync(join(tmpdir(), 'caucus-thread-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const started: SweepThread[] = []
afterEach(() => Promise.all(started.splice(0).map((thread) => thread.end())))

/** A thread that says at which seed it is, and then does this. */
const threadThat = (does: string): SweepThread => {
  const entry = join(folder, `${started.length}-${Date.now()}.mjs`)
  writeFileSync(
    entry,
    `import { parentPort, workerData } from 'node:worker_threads'
     parentPort.on('message', async (question) => {
       workerData.at[0] = 7
       ${does}
     })`,
  )
  const settings = { level: 'core', covered: false } as const
  const thread = new SweepThread(pathToFileURL(entry), settings, { heapMb: 16 })
  started.push(thread)
  return thread
}
const question = { type: 'run', from: 1, seeds: 10, first: 1, twiceEvery: 0 } as const
const deathOf = (does: string) =>
  threadThat(does)
    .run(question)
    .then(
      () => undefined,
      (error: unknown) => error,
    )

test.each([
  ['throws', "throw new Error('a bug')", /a bug/],
  ['ends by itself', 'process.exit(3)', /ended with 3/],
  ['runs out of memory', 'for (const all = []; ; ) all.push(new Array(1000).fill(question))', /memory/],
  ['answers something else', "parentPort.postMessage({ type: 'text', text: '' })", /answered with text/],
])('a thread that %s is told, with the seed that it was at', async (_, does, reason) => {
  const died = await deathOf(does)
  expect(died).toBeInstanceOf(ThreadDied)
  expect((died as ThreadDied).message).toMatch(reason)
  expect((died as ThreadDied).seed).toBe(7)
})

test('a thread in a run without end can be ended, and is of no use afterwards', async () => {
  const thread = threadThat("parentPort.postMessage({ type: 'text', text: 'begun' }); for (;;) {}")
  expect(await thread.explain({ seed: 7, step: 1, invariant: 'G4', message: '' })).toBe('begun')
  const running = thread.run(question).catch((error: Error) => error.message)
  await thread.end()
  expect(await running).toBe('the thread ended with 1')
  await expect(thread.run(question)).rejects.toBeInstanceOf(ThreadDied)
})
