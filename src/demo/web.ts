import { CaucusError } from '../errors.ts'

/**
 * The JSON of the first of these servers that has an answer: one that is not there, or knows of no leader now, is passed over.
 * `undefined`: none has one now, or what is asked for is not there.
 */
export const answerOf = async (urls: readonly string[], path: string, signal: AbortSignal): Promise<unknown> => {
  for (const url of urls) {
    const { status, text } = await ask(`${url}${path}`, signal)
    if (status === 200) return JSON.parse(text)
    if (status === 404) return undefined
    if (!NOT_NOW.has(status)) throw new CaucusError('CAUCUS_BACKEND', `the server answered ${status} for ${url}${path}`)
  }
  return undefined
}

/** Has the first of these servers that can do it take that order; false when none can now. */
export const putTo = async (urls: readonly string[], path: string, signal: AbortSignal): Promise<boolean> => {
  for (const url of urls) {
    const { status } = await ask(`${url}${path}`, signal, 'PUT')
    // Whoever it is about may be gone: there is nothing left to order then.
    if (status === 200 || status === 404) return true
    if (!NOT_NOW.has(status)) throw new CaucusError('CAUCUS_BACKEND', `the server answered ${status} for ${url}${path}`)
  }
  return false
}

const NOBODY = 0
/** Of a server that does not know who leads, or that asked one which was just killed. */
const NOT_NOW: ReadonlySet<number> = new Set([NOBODY, 502, 503, 504])
/** One that stands still takes a connection and never answers. */
const ANSWER_LIMIT_MS = 5_000

const ask = async (
  url: string,
  signal: AbortSignal,
  method = 'GET',
): Promise<{ readonly status: number; readonly text: string }> => {
  signal.throwIfAborted()
  const ended = new AbortController()
  const end = () => ended.abort()
  const limit = setTimeout(end, ANSWER_LIMIT_MS)
  signal.addEventListener('abort', end, { once: true })
  try {
    const response = await fetch(url, { method, signal: ended.signal })
    return { status: response.status, text: await response.text() }
  } catch (error) {
    signal.throwIfAborted()
    // Nobody answered, or not to the end: if that matters, whoever minds the servers says so in better words, and right away.
    if (ended.signal.aborted || error instanceof TypeError) return { status: NOBODY, text: '' }
    throw error
  } finally {
    clearTimeout(limit)
    signal.removeEventListener('abort', end)
  }
}
