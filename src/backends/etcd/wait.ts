/** Resolves or rejects as `begin` does, unless the signal comes first: then with its reason. What was begun ends by itself. */
export const orAborted = <T>(signal: AbortSignal | undefined, begin: () => Promise<T>): Promise<T> => {
  if (signal === undefined) return begin()
  return new Promise<T>((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    begin()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort))
  })
}
