import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Caucus, OnceRun } from '../../index.ts'
import { above, codeOf, fails, latch, like, same } from './assertions.ts'
import type { Tell } from './stage.ts'

/** Work that ends when the test says so. */
export const heldWork = () => {
  const begun = latch<OnceRun>()
  const ended = latch<string>()
  const work = (run: OnceRun): Promise<string> => {
    begun.open(run)
    return ended.opened
  }
  return { work, began: begun.opened, end: ended.open, fail: ended.fail }
}

export const never = (): never => {
  throw new Error('this was to be run by nobody')
}

/** An instant that every process reaches in a moment. */
export const soon = (ms = 20): number => Date.now() + ms

/** What a program may rely on in `once()`. */
export const tellOnce = (tell: Tell): void => {
  tell('one of all who call runs it, and everybody is told when it is done', async ({ caucus, other, name }) => {
    const at = soon(50)
    const report = name('report')
    const runs: OnceRun[] = []
    const call = (who: Caucus) =>
      who.once(report, at, (run) => {
        runs.push(run)
        return 'sent'
      })
    const results = await Promise.all([call(caucus), call(other), call(caucus), call(other)])
    const ran = results.filter((result) => result.ran)
    same(ran, [{ ran: true, value: 'sent' }])
    same(
      results.filter((result) => !result.ran),
      new Array(3).fill({ ran: false, because: 'done' }),
    )
    same(
      runs.map((run) => [run.name, run.at.getTime()]),
      [[report, at]],
    )
    above(runs[0]?.token, 0)
    // Also whoever comes when it is long over.
    same(await other.once(report, new Date(at), never), { ran: false, because: 'done' })
  })

  tell('nobody runs it before its instant, and those who wait are told at its end', async ({ caucus, other, name }) => {
    const job = name('job')
    const at = soon(300)
    const { work, began, end } = heldWork()
    const first = caucus.once(job, at, work)
    const run = await began
    assert.ok(Date.now() >= at, 'it ran before its instant')
    assert.equal(run.signal.aborted, false)
    let told = false
    const second = other.once(job, at, never).finally(() => {
      told = true
    })
    await sleep(50)
    assert.equal(told, false)
    end('value')
    same(await first, { ran: true, value: 'value' })
    same(await second, { ran: false, because: 'done' })
    assert.equal(run.signal.aborted, true)
  })

  tell('another instant, and another name, is another run, with a higher token', async ({ caucus, other, name }) => {
    const job = name('job')
    const at = soon()
    const tokens: number[] = []
    const work = ({ token }: OnceRun) => void tokens.push(token)
    assert.equal((await caucus.once(job, at, work)).ran, true)
    assert.equal((await other.once(job, at + 1, work)).ran, true)
    assert.equal((await caucus.once(`${job}/2`, at, work)).ran, true)
    const rising = [...new Set(tokens)].sort((a, b) => a - b)
    same(tokens, rising)
    assert.equal(rising.length, 3)
  })

  tell('work that fails has failed for everybody, and is not run again', async ({ caucus, other, name }) => {
    const job = name('job')
    const at = soon()
    const { work, began, fail } = heldWork()
    const first = fails(caucus.once(job, at, work), 'no paper')
    await began
    const second = other.once(job, at, never)
    fail(new Error('no paper'))
    await first
    same(await second, { ran: false, because: 'failed' })
    same(await caucus.once(job, at, never), { ran: false, because: 'failed' })
  })

  tell(
    'a run whose process goes away without a word is lost for the others, and not run again',
    async ({ caucus, other, name }) => {
      const job = name('job')
      const at = soon()
      const { work, began } = heldWork()
      const first = codeOf(caucus.once(job, at, work, { id: 'a' }))
      const run = await began
      const second = codeOf(other.once(job, at, never))
      // A namesake is another process: the first one is to stop, and nobody knows how far it came.
      const third = codeOf(other.once(job, at, never, { id: 'a' }))
      await new Promise((resolve) => run.signal.addEventListener('abort', resolve))
      like(run.signal.reason, { code: 'CAUCUS_FENCED' })
      assert.equal(await second, 'CAUCUS_ONCE_LOST')
      assert.equal(await third, 'CAUCUS_ONCE_LOST')
      assert.equal(await codeOf(other.once(job, at, never)), 'CAUCUS_ONCE_LOST')
      void first
    },
  )

  tell(
    'the signal ends the wait for the instant, the wait for the others, and the work',
    async ({ caucus, other, name }) => {
      const reason = new Error('enough')
      const far = new AbortController()
      const sleeping = fails(caucus.once(name('far'), soon(3_600_000), never, { signal: far.signal }), reason)
      const job = name('job')
      const at = soon()
      const working = new AbortController()
      const waiting = new AbortController()
      const { work, began, end } = heldWork()
      const first = fails(caucus.once(job, at, work, { signal: working.signal }), reason)
      const run = await began
      const second = fails(other.once(job, at, never, { signal: waiting.signal }), reason)
      const third = other.once(job, at, never)
      far.abort(reason)
      waiting.abort(reason)
      await Promise.all([sleeping, second])
      working.abort(reason)
      assert.equal(run.signal.aborted, true)
      assert.equal(run.signal.reason, reason)
      // The work is waited for, and what was cut short is not done.
      end('half of it')
      await first
      same(await third, { ran: false, because: 'failed' })
    },
  )

  tell('closing the connection aborts the work, and waits for it', async ({ caucus, other, name }) => {
    const job = name('job')
    const at = soon()
    const { work, began, fail } = heldWork()
    const first = codeOf(caucus.once(job, at, work))
    const sleeping = codeOf(caucus.once(name('far'), soon(3_600_000), never))
    const { signal } = await began
    const second = other.once(job, at, never)
    signal.addEventListener('abort', () => fail(signal.reason))
    await caucus.close()
    same([await first, await sleeping], ['CAUCUS_CLOSED', 'CAUCUS_CLOSED'])
    same(await second, { ran: false, because: 'failed' })
    assert.equal(await codeOf(caucus.once(job, at, never)), 'CAUCUS_CLOSED')
  })

  tell(
    'an instant before the start of the coordinator is not run, because it may have been',
    async ({ caucus, name }) => {
      const error = await caucus.once(name('job'), soon(-3_600_000), never).catch((error: unknown) => error)
      like(error, { code: 'CAUCUS_ONCE_UNKNOWN', definite: false, retriable: false })
    },
  )

  tell('operators see who runs it, and what came of it', async ({ caucus, other, name }) => {
    const job = name('job')
    const at = soon()
    const { work, began, end } = heldWork()
    const group = other.group(`once/${job}/${at}`)
    const first = caucus.once(job, at, work, { id: 'a' })
    const { token } = await began
    like(await group.view(), { share: 'once', members: [{ id: 'a', runs: true, epoch: token }] })
    end('value')
    await first
    assert.equal(await group.view(), undefined)
    assert.equal(await codeOf(group.join()), 'CAUCUS_CONFLICT')
    assert.equal(await codeOf(other.group(`once/${job}`).join()), 'CAUCUS_CONFLICT')
  })

  tell('bad input is refused with what is wrong', async ({ caucus, name }) => {
    const job = name('job')
    const wrong = async (...given: unknown[]) => {
      const code = await codeOf(caucus.once(...(given as Parameters<typeof caucus.once>)))
      assert.equal(code, 'CAUCUS_INVALID_ARGUMENT', `once() took ${String(given[0])}, ${String(given[1])}`)
    }
    for (const at of [Number.NaN, Number.POSITIVE_INFINITY, -1, 0.5, 1e17, '2026-01-01', undefined, new Date('?')]) {
      await wrong(job, at, never)
    }
    for (const name of ['', 'x'.repeat(107), 7, 'a\n', '.']) await wrong(name, soon(), never)
    for (const options of [{ id: '' }, { again: true }, { signal: 1 }, { wait: false }, 7]) {
      await wrong(job, soon(), never, options)
    }
    await wrong(job, soon(), 'work')
    await fails(caucus.once('x'.repeat(107), soon(), never), 'longer than 106 bytes')
  })
}
