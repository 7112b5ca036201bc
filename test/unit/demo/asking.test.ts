import { expect, test, vi } from 'vitest'
import { Asking, type Channel } from '../../../src/demo/asking.ts'
import { answerAsked } from '../../../src/demo/page-questions.ts'
import type { FromServer, Question, ToServer } from '../../../src/demo/questions.ts'
import { CaucusError } from '../../../src/errors.ts'

/** A server and the demo that started it, with the channel between them. */
const between = (answer: (question: Question) => Promise<unknown>) => {
  const listeners: ((message: ToServer) => void)[] = []
  const channel = {
    connected: true,
    on: (_: 'message', listener: (message: ToServer) => void) => void listeners.push(listener),
    send: (message: FromServer) => {
      const server = { send: (said: object) => listeners.forEach((listener) => void listener(said as ToServer)) }
      void answerAsked(message, answer, server)
      return true
    },
  }
  return new Asking(channel as unknown as Channel)
}

test('each question gets its own answer, in whatever order they come', async () => {
  const waiting: (() => void)[] = []
  const asking = between(async (question) => {
    await new Promise<void>((resolve) => void waiting.push(resolve))
    return question.about === 'order' ? question.order : 'the state'
  })
  const [state, order] = [asking.state(), asking.order({ do: 'add' })]
  for (const resolve of waiting.reverse()) resolve()
  expect(await Promise.all([state, order])).toEqual(['the state', { do: 'add' }])
})

test('a refusal keeps its code and its words', async () => {
  const asking = between(async () => {
    throw new CaucusError('CAUCUS_CONFLICT', 'this is the last worker')
  })
  await expect(asking.order({ do: 'add' })).rejects.toMatchObject({
    code: 'CAUCUS_CONFLICT',
    message: 'this is the last worker',
  })
  const broken = between(async () => {
    throw new TypeError('no such thing')
  })
  await expect(broken.state()).rejects.toMatchObject({ code: 'CAUCUS_BACKEND' })
})

test('a demo that does not answer is not waited for without end, nor asked without bound', async () => {
  vi.useFakeTimers()
  try {
    const asking = between(() => new Promise(() => {}))
    const late = Array.from({ length: 100 }, () => asking.state().catch((error: unknown) => error))
    expect(() => asking.state()).toThrow('too much at once')
    vi.runAllTimers()
    for (const error of await Promise.all(late)) expect(error).toMatchObject({ code: 'CAUCUS_TIMEOUT' })
  } finally {
    vi.useRealTimers()
  }
})

test('what else a server may say to the demo is passed over', async () => {
  const answer = vi.fn(async () => 'x')
  await answerAsked({ type: 'something', about: 'order' }, answer, { send: () => {} })
  expect(answer).not.toHaveBeenCalled()
})
