/** Why a request did not do what was asked. */
export class ApiError extends Error {
  /** 0: nobody answered. */
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** In memory and nowhere else: it is gone with the page. */
let token: string | undefined

export const setToken = (given: string | undefined): void => {
  token = given
}

export interface Asked {
  readonly method?: 'GET' | 'PUT' | 'POST' | 'DELETE'
  readonly body?: unknown
  readonly signal?: AbortSignal
  readonly accept?: string
  /** How long to wait for the beginning of an answer. */
  readonly withinMs?: number
}

/** Resolves with an answer that is good; rejects with `ApiError` otherwise. */
export const request = async (path: string, asked: Asked = {}): Promise<Response> => {
  const { method = 'GET', body, signal, accept = 'application/json', withinMs = 15_000 } = asked
  const headers: Record<string, string> = { accept }
  if (token !== undefined) headers.authorization = `Bearer ${token}`
  if (body !== undefined) headers['content-type'] = 'application/json'
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), withinMs)
  const call = () => late.abort()
  signal?.addEventListener('abort', call, { once: true })
  try {
    const response = await fetch(path, {
      method,
      headers,
      signal: late.signal,
      cache: 'no-store',
      redirect: 'error',
      referrerPolicy: 'no-referrer',
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    if (response.ok) return response
    throw await errorOf(response)
  } catch (error) {
    if (error instanceof ApiError) throw error
    if (signal?.aborted === true) throw new ApiError(0, 'CALLED_OFF', 'called off')
    throw new ApiError(
      0,
      'NO_ANSWER',
      late.signal.aborted ? 'the server does not answer' : 'no connection to the server',
    )
  } finally {
    clearTimeout(timer)
    // The body of a stream is still to come, and is called off in the same way.
    if (accept !== 'text/event-stream') signal?.removeEventListener('abort', call)
  }
}

const errorOf = async (response: Response): Promise<ApiError> => {
  try {
    const { error } = (await response.json()) as { error: { code: string; message: string } }
    return new ApiError(response.status, error.code, error.message)
  } catch {
    // Whatever stands between here and the server has answered in its own way.
    return new ApiError(response.status, 'UNKNOWN', `the answer was ${response.status} ${response.statusText}`)
  }
}

/** Resolves with the JSON of an answer, and how long its text was. */
export const getSized = async <T>(path: string, signal?: AbortSignal): Promise<{ value: T; length: number }> => {
  const response = await request(path, signal && { signal })
  const text = await response.text()
  return { value: JSON.parse(text) as T, length: text.length }
}

export const get = async <T>(path: string, signal?: AbortSignal): Promise<T> => (await getSized<T>(path, signal)).value

export const order = async (method: 'PUT' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<void> => {
  await request(path, body === undefined ? { method } : { method, body })
}

export const path = (parts: TemplateStringsArray, ...names: readonly (string | number)[]): string =>
  parts.reduce((text, part, i) => `${text}${encodeURIComponent(String(names[i - 1] ?? ''))}${part}`)
