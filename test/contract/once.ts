import { type Caucus, connect, type OnceResult, type OnceRun } from 'caucus'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { codeOf, type Subject } from './groups.ts'

/** Everything that a program may rely on in `once()`, whatever is underneath. */
export const onceContract = (name: string, open: () => Promise<Subject>) =>
  describe(`once() on ${name}`, () => {
    let subject: Subject
    let caucus: Caucus
    let other: Caucus
    beforeEach(async () => {
      subject = await open()
      caucus = await connect(subject.backend)
      other = await connect(subject.backend)
    })
    afterEach(async () => {
      await Promise.all([caucus.close(), other.close()])
      await subject.close()
    })

    /** Work that ends when the test says so. */
    const held = () => {
      let end: (value: string) => void = () => undefined
      let fail: (error: Error) => void = () => undefined
      let begin: (run: OnceRun) => void = () => undefined
      const began = new Promise<OnceRun>((resolve) => {
        begin = resolve
      })
      const ended = new Promise<string>((resolve, reject) => {
        end = resolve
        fail = reject
      })
      const work = (run: OnceRun) => {
        begin(run)
        return ended
      }
      return { work, began, end, fail }
    }
    const never = () => {
      throw new Error('this was to be run by nobody')
    }
    const whoRan = (results: readonly OnceResult<unknown>[]) => results.map((result) => result.ran)

    test('one of all who call runs it, and everybody is told when it is done', async () => {
      const at = Date.now() + 50
      const runs: OnceRun[] = []
      const call = (who: Caucus) =>
        who.once('report', at, (run) => {
          runs.push(run)
          return 'sent'
        })
      const results = await Promise.all([call(caucus), call(other), call(caucus), call(other)])
      expect(whoRan(results).filter(Boolean)).toEqual([true])
      expect(results).toContainEqual({ ran: true, value: 'sent' })
      expect(results.filter(({ ran }) => !ran)).toEqual(new Array(3).fill({ ran: false, because: 'done' }))
      expect(runs.map(({ name, at }) => [name, at.getTime()])).toEqual([['report', at]])
      expect(runs[0]?.token).toBeGreaterThan(0)
      // Also whoever comes when it is long over.
      expect(await other.once('report', new Date(at), never)).toEqual({ ran: false, because: 'done' })
    })

    test('nobody runs it before its instant, and those who wait are told at its end', async () => {
      const at = Date.now() + 300
      const { work, began, end } = held()
      const first = caucus.once('job', at, work)
      const run = await began
      expect(Date.now()).toBeGreaterThanOrEqual(at)
      expect(run.signal.aborted).toBe(false)
      let told = false
      const second = other.once('job', at, never).finally(() => {
        told = true
      })
      await new Promise((resolve) => setTimeout(resolve, 50))
      expect(told).toBe(false)
      end('value')
      expect(await first).toEqual({ ran: true, value: 'value' })
      expect(await second).toEqual({ ran: false, because: 'done' })
      expect(run.signal.aborted).toBe(true)
    })

    test('another instant, and another name, is another run, with a higher token', async () => {
      const at = Date.now() + 20
      const tokens: number[] = []
      const work = ({ token }: OnceRun) => void tokens.push(token)
      expect((await caucus.once('job', at, work)).ran).toBe(true)
      expect((await other.once('job', at + 1, work)).ran).toBe(true)
      expect((await caucus.once('job/2', at, work)).ran).toBe(true)
      expect(tokens).toEqual([...tokens].sort((a, b) => a - b))
      expect(new Set(tokens).size).toBe(3)
    })

    test('work that fails has failed for everybody, and is not run again', async () => {
      const at = Date.now() + 20
      const { work, began, fail } = held()
      const first = caucus.once('job', at, work)
      await began
      const second = other.once('job', at, never)
      fail(new Error('no paper'))
      await expect(first).rejects.toThrow('no paper')
      expect(await second).toEqual({ ran: false, because: 'failed' })
      expect(await caucus.once('job', at, never)).toEqual({ ran: false, because: 'failed' })
    })

    test('a run whose process goes away without a word is lost for the others, and not run again', async () => {
      const at = Date.now() + 20
      const { work, began } = held()
      const first = codeOf(caucus.once('job', at, work, { id: 'a' }))
      const run = await began
      const second = codeOf(other.once('job', at, never))
      // A namesake is another process: the first one is to stop, and nobody knows how far it came.
      const third = codeOf(other.once('job', at, never, { id: 'a' }))
      await new Promise((resolve) => run.signal.addEventListener('abort', resolve))
      expect(run.signal.reason).toMatchObject({ code: 'CAUCUS_FENCED' })
      expect(await second).toBe('CAUCUS_ONCE_LOST')
      expect(await third).toBe('CAUCUS_ONCE_LOST')
      expect(await codeOf(other.once('job', at, never))).toBe('CAUCUS_ONCE_LOST')
      void first
    })

    test('the signal ends the wait for the instant, the wait for the others, and the work', async () => {
      const reason = new Error('enough')
      const far = new AbortController()
      const sleeping = caucus.once('far', Date.now() + 3_600_000, never, { signal: far.signal })
      const at = Date.now() + 20
      const working = new AbortController()
      const waiting = new AbortController()
      const { work, began, end } = held()
      const first = caucus.once('job', at, work, { signal: working.signal })
      const run = await began
      const second = other.once('job', at, never, { signal: waiting.signal })
      const third = other.once('job', at, never)
      far.abort(reason)
      waiting.abort(reason)
      await expect(sleeping).rejects.toBe(reason)
      await expect(second).rejects.toBe(reason)
      working.abort(reason)
      expect([run.signal.aborted, run.signal.reason]).toEqual([true, reason])
      // The work is waited for, and what was cut short is not done.
      end('half of it')
      await expect(first).rejects.toBe(reason)
      expect(await third).toEqual({ ran: false, because: 'failed' })
    })

    test('closing the connection aborts the work, and waits for it', async () => {
      const at = Date.now() + 20
      const { work, began, fail } = held()
      const first = codeOf(caucus.once('job', at, work))
      const sleeping = codeOf(caucus.once('far', Date.now() + 3_600_000, never))
      const { signal } = await began
      const second = other.once('job', at, never)
      signal.addEventListener('abort', () => fail(signal.reason))
      await caucus.close()
      expect([await first, await sleeping]).toEqual(['CAUCUS_CLOSED', 'CAUCUS_CLOSED'])
      expect(await second).toEqual({ ran: false, because: 'failed' })
      expect(await codeOf(caucus.once('job', at, never))).toBe('CAUCUS_CLOSED')
    })

    test('an instant before the start of the coordinator is not run, because it may have been', async () => {
      const error = await caucus.once('job', Date.now() - 3_600_000, never).catch((error: unknown) => error)
      expect(error).toMatchObject({ code: 'CAUCUS_ONCE_UNKNOWN', definite: false, retriable: false })
    })

    test('operators see who runs it, and what came of it', async () => {
      const at = Date.now() + 20
      const { work, began, end } = held()
      const group = other.group(`once/job/${at}`)
      const first = caucus.once('job', at, work, { id: 'a' })
      const { token } = await began
      const view = await group.view()
      expect(view).toMatchObject({ share: 'once', members: [{ id: 'a', runs: true, epoch: token }] })
      end('value')
      await first
      expect(await group.view()).toBeUndefined()
      expect(await codeOf(group.join())).toBe('CAUCUS_CONFLICT')
      expect(await codeOf(other.group('once/job').join())).toBe('CAUCUS_CONFLICT')
    })

    test('bad input is refused with what is wrong', async () => {
      const wrong = (...args: unknown[]) => codeOf(caucus.once(...(args as Parameters<typeof caucus.once>)))
      const soon = Date.now() + 20
      for (const at of [Number.NaN, Number.POSITIVE_INFINITY, -1, 0.5, 1e17, '2026-01-01', undefined, new Date('?')]) {
        expect(await wrong('job', at, never)).toBe('CAUCUS_INVALID_ARGUMENT')
      }
      for (const name of ['', 'x'.repeat(107), 7, 'a\n', '.']) {
        expect(await wrong(name, soon, never)).toBe('CAUCUS_INVALID_ARGUMENT')
      }
      for (const options of [{ id: '' }, { again: true }, { signal: 1 }, { wait: false }, 7]) {
        expect(await wrong('job', soon, never, options)).toBe('CAUCUS_INVALID_ARGUMENT')
      }
      expect(await wrong('job', soon, 'work')).toBe('CAUCUS_INVALID_ARGUMENT')
      await expect(caucus.once('x'.repeat(107), soon, never)).rejects.toThrow('longer than 106 bytes')
    })
  })
