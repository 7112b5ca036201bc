/**
 * The same loop, except that its end is not silent when something has failed: `failure` is asked once nothing more comes.
 * An end that was wished for stays an end.
 */
export const ending = <T>(
  inner: AsyncIterableIterator<T, undefined>,
  failure: () => unknown,
): AsyncIterableIterator<T, undefined> & AsyncDisposable => {
  let over = false
  const close = async (): Promise<IteratorResult<T, undefined>> => {
    over = true
    await inner.return?.()
    return { value: undefined, done: true }
  }
  return {
    next: async () => {
      const result = await inner.next()
      if (result.done !== true || over) return result
      over = true
      const error = failure()
      if (error !== undefined) throw error
      return result
    },
    return: close,
    [Symbol.asyncDispose]: async () => void (await close()),
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
