import { useEffect, useState } from 'preact/hooks'
import { getSized } from '../api.ts'
import { poll } from '../poll.ts'
import { asApiError, heard } from '../server.ts'

/** Asks a route again and again; `undefined` until the first answer. What is not there has a `fault` instead. */
export const useAnswer = <T>(path: string): { readonly value: T | undefined; readonly fault: string } => {
  const [answer, setAnswer] = useState<{ value: T | undefined; fault: string }>({ value: undefined, fault: '' })
  useEffect(() => {
    setAnswer({ value: undefined, fault: '' })
    return poll(async (signal) => {
      try {
        const { value, length } = await getSized<T>(path, signal)
        setAnswer({ value, fault: '' })
        heard()
        return Math.max(2_000, length / 50)
      } catch (error) {
        const fault = asApiError(error)
        if (signal.aborted) return 0
        heard(fault)
        // What was shown stays, where only the connection is gone.
        if (fault.status > 0) setAnswer({ value: undefined, fault: fault.message })
        return 2_000
      }
    })
  }, [path])
  return answer
}
