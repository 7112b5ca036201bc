interface Linked {
  readonly signal: AbortSignal
  release(): void
}

/** Aborted by either, until it is released: `AbortSignal.any` would leave a listener on the long-lived one (nodejs/node#54614). */
export const linked = (long: AbortSignal, short: AbortSignal | undefined): Linked => {
  const controller = new AbortController()
  const abort = () => controller.abort(short?.aborted ? short.reason : long.reason)
  const signals = short === undefined ? [long] : [long, short]
  for (const each of signals) {
    if (each.aborted) abort()
    else each.addEventListener('abort', abort, { once: true })
  }
  return {
    signal: controller.signal,
    release: () => {
      for (const each of signals) each.removeEventListener('abort', abort)
    },
  }
}
