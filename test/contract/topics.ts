import type { Caucus, Heard, Producer, Reply, Target, Topic } from 'caucus'
import { connect } from 'caucus'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { codeOf, type Subject } from './groups.ts'

/** Long enough for a message to go through a server and back, many times over. */
const PATIENCE_MS = 20_000

const valuesOf = (replies: readonly Reply[]) => replies.map(({ value }) => value)

/** Resolves when `matches` is true of what the topic looks like. */
const eventually = async (topic: Topic, matches: (view: Awaited<ReturnType<Topic['view']>>) => boolean) => {
  const until = Date.now() + PATIENCE_MS
  while (!matches(await topic.view())) {
    if (Date.now() > until) throw new Error(`the topic stays ${JSON.stringify(await topic.view())}`)
    await new Promise((resume) => setTimeout(resume, 5))
  }
}

const whenAborted = (signal: AbortSignal) =>
  new Promise<string>((resolve) => {
    if (signal.aborted) resolve('aborted')
    signal.addEventListener('abort', () => resolve('aborted'))
  })

/** Everything that a program may rely on in a topic, whatever is underneath. Values are JSON, which every backend carries. */
export const topicContract = (name: string, open: () => Promise<Subject>) =>
  describe(`topics on ${name}`, () => {
    let subject: Subject
    let asker: Caucus
    let other: Caucus
    beforeEach(async () => {
      subject = await open()
      asker = await connect(subject.backend)
      other = await connect(subject.backend)
    })
    afterEach(async () => {
      await other.close()
      await asker.close()
      await subject.close()
    })

    const ready = async (...producers: Producer[]) => {
      for (const producer of producers) await producer.ready()
    }

    test('everybody is asked, and it is known who answered', async () => {
      await ready(
        asker.topic('t').produce((request) => ({ from: 'a', request }), { id: 'a' }),
        other.topic('t').produce((request) => ({ from: 'b', request }), { id: 'b', metadata: { zone: 'x' } }),
      )
      const { replies, ...rest } = await asker.topic('t').gather({ sku: 1 }, { withinMs: PATIENCE_MS })
      expect(replies.toSorted((one, two) => one.from.localeCompare(two.from))).toEqual([
        { type: 'reply', from: 'a', value: { from: 'a', request: { sku: 1 } } },
        { type: 'reply', from: 'b', value: { from: 'b', request: { sku: 1 } } },
      ])
      expect(rest).toMatchObject({ errors: [], missing: [], left: [], released: [], expected: 2, ending: 'met' })
      const zone = await asker.topic('t').gather(1, { to: { metadata: { zone: 'x' } }, withinMs: PATIENCE_MS })
      expect(zone.replies.map(({ from }) => from)).toEqual(['b'])
    })

    test('nobody there is a value, and at once', async () => {
      expect(await asker.topic('nobody').gather(1, { withinMs: PATIENCE_MS })).toMatchObject({
        expected: 0,
        ending: 'nobody',
        code: 'CAUCUS_NO_RESPONDERS',
      })
    })

    test('answers come one by one, failures among them, and the end says how it went', async () => {
      const topic = other.topic<number>('t')
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
      const asking = asker.topic<number>('t').ask(1, { withinMs: PATIENCE_MS })
      const answers: Record<string, unknown> = {}
      for await (const answer of asking) {
        answers[answer.from] = answer.type === 'reply' ? answer.value : answer.error.code
        if (answer.type === 'error') expect(answer.error.message).toContain('no milk today')
      }
      expect(answers).toEqual({ works: 2, fails: 'CAUCUS_HANDLER_FAILED' })
      expect(asking.summary).toMatchObject({ expected: 2, replied: 1, errors: 1, ending: 'exhausted' })
      expect(fail.state).toBe('serving')
    })

    test('one that says nothing is named when the time is over, and is aborted', async () => {
      let aborted: Promise<string> | undefined
      await ready(
        other.topic('t').produce(() => 1, { id: 'quick' }),
        other.topic('t').produce((_request, { signal }) => (aborted = whenAborted(signal)), { id: 'silent' }),
      )
      const gathered = await asker.topic('t').gather(1, { withinMs: 200 })
      expect(gathered).toMatchObject({ missing: ['silent'], left: [], ending: 'timeout', code: 'CAUCUS_TIMEOUT' })
      expect(valuesOf(gathered.replies)).toEqual([1])
      expect(await aborted).toBe('aborted')
      await eventually(asker.topic('t'), (view) => view?.late === 1)
    })

    test('the first reply is enough: the others are aborted', async () => {
      let aborted: Promise<string> | undefined
      await ready(
        other.topic('t').produce((_request, { signal }) => (aborted = whenAborted(signal)), { id: 'slow' }),
        other.topic('t').produce(() => 1, { id: 'quick' }),
      )
      const gathered = await asker.topic('t').gather(1, { until: 'first', withinMs: PATIENCE_MS })
      expect(gathered).toMatchObject({ replies: [{ from: 'quick' }], missing: [], released: ['slow'], ending: 'met' })
      expect(await aborted).toBe('aborted')
    })

    test('whoever breaks off aborts the producers', async () => {
      let aborted: Promise<string> | undefined
      await ready(
        other.topic('t').produce(() => 1, { id: 'quick' }),
        other.topic('t').produce((_request, { signal }) => (aborted = whenAborted(signal)), { id: 'slow' }),
      )
      for await (const answer of asker.topic('t').ask(1, { withinMs: PATIENCE_MS })) {
        expect(answer.from).toBe('quick')
        break
      }
      expect(await aborted).toBe('aborted')
    })

    test('a signal calls it off', async () => {
      let aborted: Promise<string> | undefined
      const stop = new AbortController()
      await ready(
        other.topic('t').produce((_request, { signal }) => {
          aborted = whenAborted(signal)
          stop.abort(new Error('enough'))
          return aborted
        }),
      )
      const asking = asker.topic('t').gather(1, { withinMs: PATIENCE_MS, signal: stop.signal })
      await expect(asking).rejects.toThrow('enough')
      expect(await aborted).toBe('aborted')
    })

    test('a producer that goes completes its part as left, at once', async () => {
      const begun = { now: () => {} }
      const started = new Promise<void>((resolve) => {
        begun.now = resolve
      })
      const gone = other.topic('t').produce(
        (_request, { signal }) => {
          begun.now()
          return whenAborted(signal)
        },
        { id: 'gone' },
      )
      await ready(
        gone,
        asker.topic('t').produce(() => 1, { id: 'here' }),
      )
      const asking = asker.topic('t').gather(1, { withinMs: 10 * PATIENCE_MS })
      await started
      gone.close()
      expect(await asking).toMatchObject({ left: ['gone'], missing: ['gone'], replies: [{}], ending: 'exhausted' })
    })

    test('a producer serves in order and refuses what is too much', async () => {
      const topic = other.topic<number>('t')
      const begun: number[] = []
      let open = () => {}
      const first = new Promise<void>((resolve) => {
        open = resolve
      })
      const serve = async (n: number) => {
        begun.push(n)
        if (n === 0) await first
        return n
      }
      await ready(topic.produce(serve, { id: 'p', queueLimit: 2 }))
      const asking = [0, 1, 2].map((n) => asker.topic<number>('t').gather(n, { withinMs: PATIENCE_MS }))
      await eventually(asker.topic('t'), (view) => view?.producers[0]?.queued === 2)
      const refused = await asker.topic<number>('t').gather(3, { withinMs: PATIENCE_MS })
      expect(refused.errors).toMatchObject([{ from: 'p', outcome: 'refused', error: { code: 'CAUCUS_OVERLOADED' } }])
      open()
      expect((await Promise.all(asking)).flatMap(({ replies }) => valuesOf(replies))).toEqual([0, 1, 2])
      expect(begun).toEqual([0, 1, 2])
    })

    test('a drained producer finishes what it has', async () => {
      const topic = other.topic('t')
      let open = () => {}
      const first = new Promise<void>((resolve) => {
        open = resolve
      })
      const producer = topic.produce(async (n) => {
        await first
        return n
      })
      await producer.ready()
      const asking = [1, 2].map((n) => asker.topic('t').gather(n, { withinMs: PATIENCE_MS }))
      await eventually(asker.topic('t'), (view) => view?.producers[0]?.queued === 1)
      const drained = producer.drain({ limitMs: PATIENCE_MS })
      await eventually(asker.topic('t'), (view) => view === undefined)
      open()
      await drained
      expect((await Promise.all(asking)).flatMap(({ replies }) => valuesOf(replies))).toEqual([1, 2])
      expect(producer.state).toBe('left')
    })

    test('a newer producer with the same id takes the place of the older one', async () => {
      const older = other.topic('t').produce(() => 'old', { id: 'same' })
      await older.ready()
      await asker
        .topic('t')
        .produce(() => 'new', { id: 'same' })
        .ready()
      const gathered = await asker.topic('t').gather(1, { withinMs: PATIENCE_MS })
      expect(valuesOf(gathered.replies)).toEqual(['new'])
      await older.drain()
      expect([older.state, older.error?.code]).toEqual(['left', 'CAUCUS_FENCED'])
    })

    test('of one queue, one gets each request', async () => {
      const queue = 'workers'
      await ready(
        asker.topic('t').produce(() => 'a', { queue, id: 'a' }),
        other.topic('t').produce(() => 'b', { queue, id: 'b' }),
      )
      const got: unknown[] = []
      for (let i = 0; i < 4; i++) {
        got.push(...valuesOf((await asker.topic('t').gather(1, { withinMs: PATIENCE_MS })).replies))
      }
      expect(got.toSorted()).toEqual(['a', 'a', 'b', 'b'])
    })

    test('listeners hear the replies of everybody, and hold nobody up', async () => {
      const heard: Heard[] = []
      const listener = other.topic('t').listen((one) => {
        heard.push(one)
        return new Promise(() => {})
      })
      await ready(asker.topic('t').produce((n) => n, { id: 'p' }))
      await eventually(asker.topic('t'), (view) => view?.listeners === 1)
      for (const n of [1, 2, 3]) await asker.topic('t').gather(n, { withinMs: PATIENCE_MS })
      const until = Date.now() + PATIENCE_MS
      while (heard.length === 0 && Date.now() < until) await new Promise((resume) => setTimeout(resume, 5))
      expect(heard).toEqual([{ type: 'reply', from: 'p', value: 1 }])
      await listener[Symbol.asyncDispose]()
      await eventually(asker.topic('t'), (view) => view?.listeners === 0)
    })

    test('a handler knows who asks, on which topic, and how long there is', async () => {
      const contexts: { from: string; topic: string; remainingMs: number }[] = []
      await ready(
        other.topic('t').produce((_request, { from, topic, remainingMs }) => {
          contexts.push({ from, topic, remainingMs })
        }),
      )
      const asked = [asker, asker, other].map((each) => each.topic('t').gather(1, { withinMs: PATIENCE_MS }))
      expect((await Promise.all(asked)).flatMap(({ replies }) => valuesOf(replies))).toEqual(Array(3).fill(undefined))
      const names = contexts.map(({ from }) => from)
      expect(new Set(names).size).toBe(2)
      expect(contexts.every(({ topic }) => topic === 't')).toBe(true)
      expect(contexts.every(({ remainingMs: left }) => left > 0 && left <= PATIENCE_MS)).toBe(true)
    })

    test('some are enough, or what there is when nobody says anything any more', async () => {
      const topic = other.topic('t')
      const quick = ['a', 'b'].map((id) => topic.produce(() => id, { id }))
      await ready(
        ...quick,
        topic.produce((_request, { signal }) => whenAborted(signal), { id: 'slow' }),
      )
      const two = await asker.topic('t').gather(1, { until: 2, withinMs: PATIENCE_MS })
      expect([valuesOf(two.replies).toSorted(), two.released, two.ending]).toEqual([['a', 'b'], ['slow'], 'met'])
      const quiet = await asker.topic('t').gather(1, { until: { quiet: 100 }, withinMs: PATIENCE_MS })
      expect([valuesOf(quiet.replies).toSorted(), quiet.released, quiet.ending]).toEqual([['a', 'b'], ['slow'], 'met'])
    })

    test('an ask may be for some of them only', async () => {
      const topic = other.topic('t')
      await ready(...['a', 'b', 'c'].map((id) => topic.produce(() => id, { id, metadata: { odd: id !== 'b' } })))
      const asked = async (to: Target) =>
        valuesOf((await asker.topic('t').gather(1, { to, withinMs: PATIENCE_MS })).replies).toSorted()
      expect(await asked({ id: ['a', 'c', 'nobody'] })).toEqual(['a', 'c'])
      expect(await asked({ metadata: { odd: false } })).toEqual(['b'])
      expect(await asked({ pick: 2 })).toHaveLength(2)
    })

    test('a connection that is closed ends what it has asked', async () => {
      await ready(other.topic('t').produce((_request, { signal }) => whenAborted(signal), { concurrency: 9 }))
      const asking = codeOf(asker.topic('t').gather(1, { withinMs: 10 * PATIENCE_MS }))
      const looping = codeOf(
        asker
          .topic('t')
          .ask(1, { withinMs: 10 * PATIENCE_MS })
          .next(),
      )
      await asker.close()
      expect([await asking, await looping]).toEqual(['CAUCUS_CLOSED', 'CAUCUS_CLOSED'])
    })
  })
