import assert from 'node:assert/strict'
import type { Target } from '../../index.ts'
import { codeOf, fails, latch, like, PATIENCE_MS, same } from './assertions.ts'
import type { Tell } from './stage.ts'
import { becomes, ofTopic, ready, sorted, valuesOf, whenAborted, within } from './topic-stage.ts'

/** What whoever asks may rely on. Values are JSON, which every backend carries. */
export const tellAsking = (given: Tell): void => {
  const tell = ofTopic(given)

  tell('everybody is asked, and it is known who answered', async ({ asker, other, t }) => {
    await ready(
      asker.topic(t).produce((request) => ({ from: 'a', request }), { id: 'a' }),
      other.topic(t).produce((request) => ({ from: 'b', request }), { id: 'b', metadata: { zone: 'x' } }),
    )
    const { replies, ...rest } = await asker.topic(t).gather({ sku: 1 }, within)
    same(
      [...replies].sort((one, two) => (one.from < two.from ? -1 : 1)),
      [
        { type: 'reply', from: 'a', value: { from: 'a', request: { sku: 1 } } },
        { type: 'reply', from: 'b', value: { from: 'b', request: { sku: 1 } } },
      ],
    )
    like(rest, { errors: [], missing: [], left: [], released: [], expected: 2, ending: 'met' })
    const zone = await asker.topic(t).gather(1, { to: { metadata: { zone: 'x' } }, ...within })
    same(
      zone.replies.map(({ from }) => from),
      ['b'],
    )
  })

  tell('nobody there is a value, and at once', async ({ asker, t }) => {
    const nobody = { expected: 0, ending: 'nobody', code: 'CAUCUS_NO_RESPONDERS' }
    like(await asker.topic(t).gather(1, within), nobody)
  })

  tell('answers come one by one, failures among them, and the end says how it went', async ({ asker, other, t }) => {
    const topic = other.topic<number>(t)
    const fail = topic.produce(
      () => {
        throw new Error('no milk today')
      },
      { id: 'fails' },
    )
    await ready(
      topic.produce((n) => n + 1, { id: 'works' }),
      fail,
    )
    const asking = asker.topic<number>(t).ask(1, within)
    const answers: Record<string, unknown> = {}
    for await (const answer of asking) {
      answers[answer.from] = answer.type === 'reply' ? answer.value : answer.error.code
      if (answer.type === 'error') assert.ok(answer.error.message.includes('no milk today'), answer.error.message)
    }
    same(answers, { works: 2, fails: 'CAUCUS_HANDLER_FAILED' })
    like(asking.summary, { expected: 2, replied: 1, errors: 1, ending: 'exhausted' })
    assert.equal(fail.state, 'serving')
  })

  tell('one that says nothing is named when the time is over, and is aborted', async ({ asker, other, t }) => {
    const aborted = latch<string>()
    await ready(
      other.topic(t).produce(() => 1, { id: 'quick' }),
      other.topic<string>(t).produce(
        async (request, { signal }) => {
          if (request === 'hello') return 1
          const told = await whenAborted(signal)
          aborted.open(told)
          return told
        },
        { id: 'silent' },
      ),
    )
    // A first ask may have to find out who is there, which a short limit is not for.
    same(valuesOf((await asker.topic(t).gather('hello', within)).replies), [1, 1])
    const gathered = await asker.topic(t).gather('silence', { withinMs: 200 })
    like(gathered, { missing: ['silent'], left: [], ending: 'timeout', code: 'CAUCUS_TIMEOUT' })
    same(valuesOf(gathered.replies), [1])
    assert.equal(await aborted.opened, 'aborted')
    await becomes(asker.topic(t), 'what came too late to be counted', (view) => view?.late === 1)
  })

  tell('the first reply is enough: the others are aborted', async ({ asker, other, t }) => {
    const aborted = latch<string>()
    await ready(
      other.topic(t).produce((_request, { signal }) => whenAborted(signal).then(aborted.open), { id: 'slow' }),
      other.topic(t).produce(() => 1, { id: 'quick' }),
    )
    const gathered = await asker.topic(t).gather(1, { until: 'first', ...within })
    like(gathered, { replies: [{ from: 'quick' }], missing: [], released: ['slow'], ending: 'met' })
    assert.equal(await aborted.opened, 'aborted')
  })

  tell('whoever breaks off aborts the producers', async ({ asker, other, t }) => {
    const aborted = latch<string>()
    await ready(
      other.topic(t).produce(() => 1, { id: 'quick' }),
      other.topic(t).produce((_request, { signal }) => whenAborted(signal).then(aborted.open), { id: 'slow' }),
    )
    for await (const answer of asker.topic(t).ask(1, within)) {
      assert.equal(answer.from, 'quick')
      break
    }
    assert.equal(await aborted.opened, 'aborted')
  })

  tell('a signal calls it off', async ({ asker, other, t }) => {
    const aborted = latch<string>()
    const stop = new AbortController()
    const reason = new Error('enough')
    await ready(
      other.topic(t).produce((_request, { signal }) => {
        const told = whenAborted(signal).then(aborted.open)
        stop.abort(reason)
        return told
      }),
    )
    await fails(asker.topic(t).gather(1, { ...within, signal: stop.signal }), reason)
    assert.equal(await aborted.opened, 'aborted')
  })

  tell('some are enough, or what there is when nobody says anything any more', async ({ asker, other, t }) => {
    const topic = other.topic(t)
    const quick = ['a', 'b'].map((id) => topic.produce(() => id, { id }))
    await ready(
      ...quick,
      topic.produce((_request, { signal }) => whenAborted(signal), { id: 'slow' }),
    )
    const two = await asker.topic(t).gather(1, { until: 2, ...within })
    same([sorted(valuesOf(two.replies)), two.released, two.ending], [['a', 'b'], ['slow'], 'met'])
    const quiet = await asker.topic(t).gather(1, { until: { quiet: 100 }, ...within })
    same([sorted(valuesOf(quiet.replies)), quiet.released, quiet.ending], [['a', 'b'], ['slow'], 'met'])
  })

  tell('an ask may be for some of them only', async ({ asker, other, t }) => {
    const topic = other.topic(t)
    await ready(...['a', 'b', 'c'].map((id) => topic.produce(() => id, { id, metadata: { odd: id !== 'b' } })))
    const asked = async (to: Target) => sorted(valuesOf((await asker.topic(t).gather(1, { to, ...within })).replies))
    same(await asked({ id: ['a', 'c', 'nobody'] }), ['a', 'c'])
    same(await asked({ metadata: { odd: false } }), ['b'])
    assert.equal((await asked({ pick: 2 })).length, 2)
  })

  tell('a connection that is closed ends what it has asked', async ({ asker, other, t }) => {
    await ready(other.topic(t).produce((_request, { signal }) => whenAborted(signal), { concurrency: 9 }))
    const long = { withinMs: 10 * PATIENCE_MS }
    const asking = codeOf(asker.topic(t).gather(1, long))
    const looping = codeOf(asker.topic(t).ask(1, long).next())
    await asker.close()
    same([await asking, await looping], ['CAUCUS_CLOSED', 'CAUCUS_CLOSED'])
  })
}
