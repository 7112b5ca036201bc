import { expect, onTestFinished, test } from 'vitest'
import { connectTraced, openShard, search } from '../../../examples/tracing.ts'
import { never } from '../client/topic-support.ts'
import { world } from '../client/world.ts'
import { disable, Recorder, saidBy } from './support.ts'

test('the search is one trace, from the search to what each shard does for it', async () => {
  const recorder = new Recorder()
  recorder.provider.register()
  onTestFinished(disable)
  const { backend, within } = world()
  const caucus = await connectTraced(backend)
  openShard(caucus, 'a-m', async () => ['caucus'])
  openShard(caucus, 'n-z', async (words) => {
    recorder.tracer.startSpan('read index').end()
    return [words]
  })
  const lost = caucus.topic('search').produce(never, { id: 'lost' })

  expect(await within(400, search(caucus, 'quorum', 300))).toEqual({ found: ['caucus', 'quorum'], missing: ['lost'] })
  expect(recorder.tree()).toEqual([
    'answer search by a-m > look up',
    'answer search by n-z > look up',
    'ask search > answer search by a-m',
    'ask search > answer search by n-z',
    'look up > read index',
    'search',
    'search > ask search',
  ])
  expect(saidBy(recorder.one('ask search'))).toMatchObject({ 'caucus.ask.missing': ['lost'] })
  lost.close()
  await within(10_000, caucus.close())
})
