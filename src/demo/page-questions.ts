import { CaucusError, isCaucusError } from '../errors.ts'
import type { Child } from './child.ts'
import type { FromServer, Question, ToServer } from './questions.ts'

/** Answers one message of a server whose page asks the demo something. Anything else that it may say is passed over. */
export const answerAsked = async (
  message: unknown,
  answer: (question: Question) => Promise<unknown>,
  server: Pick<Child, 'send'>,
): Promise<void> => {
  const question = message as FromServer
  if (question.type !== 'asked') return
  const { number } = question
  const say = (text: ToServer) => server.send(text)
  try {
    say({ type: 'answered', number, answer: await answer(question) })
  } catch (error) {
    const { code, message: why } = isCaucusError(error)
      ? error
      : new CaucusError('CAUCUS_BACKEND', error instanceof Error ? error.message : String(error))
    say({ type: 'refused', number, error: { code, message: why } })
  }
}
