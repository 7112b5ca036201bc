import { beforeAll, describe, expect, test } from 'vitest'
import { built } from '../../sim/built.ts'
import { HANDLER, threads, topicOf, until } from './topic-worker-support.ts'
import { codeOf } from './world.ts'

beforeAll(() => void built(), 300_000)

describe('a module that does not do', () => {
  const data = (text: string) => new URL(`data:text/javascript,${encodeURIComponent(text)}`)
  test.each([
    [
      'is not there',
      new URL('./none.mjs', import.meta.url),
      {},
      'CAUCUS_INVALID_ARGUMENT',
      'none.mjs cannot be loaded',
    ],
    [
      'has no such export',
      HANDLER,
      { exportName: 'nope' },
      'CAUCUS_INVALID_ARGUMENT',
      'export "nope"; it exports default',
    ],
    [
      'exports something else',
      HANDLER,
      { exportName: 'table' },
      'CAUCUS_INVALID_ARGUMENT',
      'no function as its export',
    ],
    ['exports nothing', data(''), {}, 'CAUCUS_INVALID_ARGUMENT', 'it exports nothing'],
    ['throws', data('throw new Error("no database")'), {}, 'CAUCUS_HANDLER_FAILED', 'cannot be loaded: no database'],
    ['ends its thread', data('process.exit(4)'), {}, 'CAUCUS_HANDLER_FAILED', 'died: worker exited with code: 4'],
  ])('because it %s ends its producer before anybody asks it', async (_why, url, options, code, message) => {
    const count = threads()
    const topic = await topicOf()
    const producer = topic.produce(url, options)
    await expect(producer.ready()).rejects.toMatchObject({ code, message: expect.stringContaining(message) })
    expect([producer.state, producer.error?.code]).toEqual(['left', code])
    await producer.drain()
    expect([count.alive, await topic.view()]).toEqual([0, undefined])
  })

  test('because it never ends loading is given up by closing its producer', async () => {
    const count = threads()
    const topic = await topicOf()
    const producer = topic.produce(data('await new Promise(() => {})'))
    await until(() => count.started === 1)
    await producer.drain()
    expect([producer.state, count.alive]).toEqual(['left', 0])
  })
})

test.each([
  [HANDLER, { threads: 0 }, 'threads must be a whole number from 1 to 1024'],
  [HANDLER, { threads: 1.5 }, 'threads must be a whole number from 1 to 1024'],
  [HANDLER, { concurrency: 0 }, 'concurrency must be a whole number'],
  [HANDLER, { exportName: '' }, 'exportName must be the name of an export'],
  [HANDLER, { killAfterMs: Number.NaN }, 'killAfterMs is NaN'],
  [HANDLER, { idleMs: -1 }, 'idleMs is -1'],
  [HANDLER, { resourceLimits: { heap: 5 } }, 'resourceLimits knows no option "heap"'],
  [
    HANDLER,
    { resourceLimits: { stackSizeMb: 0 } },
    'resourceLimits.stackSizeMb must be a number of megabytes, at least 1',
  ],
  [HANDLER, { thread: 4 }, 'produce(url) knows no option "thread"'],
  [new URL('https://example.com/a.js'), {}, 'produce(url) takes a file: URL'],
])('bad input is refused: %s %j', async (url, options, message) => {
  const topic = await topicOf()
  const produce = async () => topic.produce(url as URL, options as object)
  await expect(produce()).rejects.toThrow(message)
  expect(await codeOf(produce())).toBe('CAUCUS_INVALID_ARGUMENT')
})
