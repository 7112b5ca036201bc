/** Asks again and again, the next time so long after the last answer as `ask` says; not while nobody looks. Gives the function that ends it. */
export const poll = (ask: (signal: AbortSignal) => Promise<number>): (() => void) => {
  const ended = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  let isAsking = false
  const next = async (): Promise<void> => {
    if (ended.signal.aborted || isAsking || document.hidden) return
    isAsking = true
    clearTimeout(timer)
    const afterMs = await ask(ended.signal)
    isAsking = false
    if (!ended.signal.aborted) timer = setTimeout(() => void next(), afterMs)
  }
  const seen = () => void next()
  // Another view may want to know sooner.
  addEventListener('hashchange', seen)
  document.addEventListener('visibilitychange', seen)
  void next()
  return () => {
    ended.abort()
    clearTimeout(timer)
    removeEventListener('hashchange', seen)
    document.removeEventListener('visibilitychange', seen)
  }
}
