/** Waits for the promise, or rejects with the signal's reason; what comes after that goes to `late`. */
export const untilAborted = async <Value>(
  promise: Promise<Value>,
  signal: AbortSignal | undefined,
  late: (value: Value) => void = () => {},
): Promise<Value> => {
  if (signal === undefined) return promise
  let abort = () => {}
  let isOver = false
  promise.then(
    (value) => {
      if (isOver) late(value)
    },
    // Whoever waits for it hears of it there.
    () => {},
  )
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => {
      isOver = true
      reject(signal.reason)
    }
  })
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
