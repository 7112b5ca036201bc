/** Something that a test needs and that a machine may lack. */
export interface Need {
  readonly what: string
  /** A sentence: how to get it. */
  readonly howToGet: string
  /** `tool`: can be installed anywhere. `machine`: this kernel, container or user may forbid it, and nothing mends that. */
  readonly kind: 'tool' | 'machine'
  /** Why it is not there; `undefined` when it is. */
  missing(): string | undefined
}

export interface LackOptions {
  /** A missing tool is an error. By default when `CAUCUS_REQUIRE_ALL` is 1. */
  readonly requireAll?: boolean
  /** Hears why tests are skipped. */
  readonly say?: (sentence: string) => void
}

/**
 * Gives the sentence that says why `tests` are skipped, or `undefined` when they need not be. It is said aloud as well.
 * Where everything is required, a missing tool throws instead; what a machine forbids is skipped even there.
 */
export const lackFor = (
  tests: string,
  needs: readonly Need[],
  { requireAll = process.env.CAUCUS_REQUIRE_ALL === '1', say = sayAloud }: LackOptions = {},
): string | undefined => {
  // In order, since what comes later may be looked for with what comes first.
  for (const { what, howToGet, kind, missing } of needs) {
    const reason = missing()
    if (reason === undefined) continue
    const sentence = `${tests}: skipped for want of ${what} (${reason}). ${howToGet}`
    if (requireAll && kind === 'tool') {
      throw new Error(`${sentence} With CAUCUS_REQUIRE_ALL=1 nothing may be skipped for want of a tool.`)
    }
    say(sentence)
    return sentence
  }
  return undefined
}

const sayAloud = (sentence: string): void => {
  process.stderr.write(`${sentence}\n`)
}
