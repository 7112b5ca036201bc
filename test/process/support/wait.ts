import { setTimeout as sleep } from 'node:timers/promises'

export interface WaitOptions {
  /** How long to wait before it counts as failed. Generous: it bounds a hang, it asserts no speed. */
  readonly withinMs?: number
}

/** Resolves with what `look` gives, once that is neither `undefined`, `null` nor `false`; rejects and says `what` when it takes too long. */
export const waitFor = async <T>(
  what: string,
  look: () => T | undefined | null | false | Promise<T | undefined | null | false>,
  { withinMs = 45_000 }: WaitOptions = {},
): Promise<T> => {
  const from = performance.now()
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== null && found !== false) return found
    const waitedMs = performance.now() - from
    if (waitedMs > withinMs) throw new Error(`waited ${withinMs} ms for ${what}`)
    // What takes long is looked for less often: many look at once, and each look is work for whoever is looked at.
    await sleep(Math.min(10 + waitedMs / 20, 50))
  }
}
