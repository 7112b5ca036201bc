import type { Reply } from 'caucus'

/** Everything that is not waiting for time has happened. */
export const settled = () => new Promise<void>((resume) => setImmediate(resume))

export const never = () => new Promise<never>(() => {})

/** A promise that a test settles when it likes. */
export const gate = <T = void>() => {
  let open: (value: T) => void = () => {}
  const promise = new Promise<T>((resolve) => {
    open = resolve
  })
  return { promise, open }
}

export const valuesOf = (replies: readonly Reply[]) => replies.map(({ value }) => value)
