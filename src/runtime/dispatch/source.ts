import type { Answer } from '../../core/dispatch/messages.ts'

/** Whatever gives its bytes piece by piece: a generator, a `Readable`, a web stream. */
export type Source = AsyncIterable<unknown>

/** Whether a reply comes in pieces. Text does not, nor does an array of bytes. */
export const isSource = (value: unknown): value is Source => {
  if (typeof value !== 'object' || value === null) return false
  try {
    return typeof (value as Partial<Source>)[Symbol.asyncIterator] === 'function'
  } catch {
    // A proxy that was revoked, or that throws whatever is asked of it.
    return false
  }
}

/**
 * Nobody may be reading a source yet when it fails: a `Readable` that nobody listens to would end the process by that. Whoever reads it
 * later is told. True when it is one.
 */
export const guardSource = (value: unknown): boolean => {
  if (!isSource(value)) return false
  try {
    const { on } = value as { on?: unknown }
    if (typeof on === 'function') on.call(value, 'error', ignore)
  } catch {
    // Its `on` is for something else, and so nothing that it emits ends the process.
  }
  return true
}

const ignore = (): void => {}

/** Tells a source that nobody reads it, begun or not. */
export const letGo = async (source: Source, iterator?: AsyncIterator<unknown>): Promise<void> => {
  try {
    const { destroy } = source as { destroy?: unknown }
    // A `Readable` that waits for bytes would hear of a `return()` only once they have come.
    if (typeof destroy === 'function') destroy.call(source)
    else await (iterator ?? source[Symbol.asyncIterator]()).return?.()
  } catch {
    // How it takes that is its own business: there is nobody left who could be told.
  }
}

/** Nobody gets that answer. Its source is told once the present call is over, which may be one of a machine. */
export const dropSource = (answer: Answer): void => {
  if (answer.type === 'reply') dropValue(answer.value)
}

/** Nobody gets that value. */
export const dropValue = (value: unknown): void => {
  if (isSource(value)) queueMicrotask(() => void letGo(value))
}
