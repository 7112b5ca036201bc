import { onTestFinished, vi } from 'vitest'

/** What reaches the process as an uncaught error, until the test has ended. */
export const uncaught = (): unknown[] => {
  const errors: unknown[] = []
  const spy = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation((run) => {
    void Promise.resolve()
      .then(run)
      .catch((error: unknown) => errors.push(error))
  })
  onTestFinished(() => spy.mockRestore())
  return errors
}
