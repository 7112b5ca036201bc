/** One answer as it came over the line. */
export interface HttpAnswer {
  readonly status: number
  /** Names in small letters; of a header that came twice the last. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
  /** Its body goes on without an end: what came so far is `body`. */
  readonly isStream: boolean
}

const HEAD_END = Buffer.from('\r\n\r\n')
const MOST_HEAD = 64 * 1024

/** Splits what a server writes into answers. Stricter than a client has to be: whatever is not well-formed throws. */
export class HttpAnswers {
  readonly #isHead: () => boolean
  #rest: Buffer = Buffer.alloc(0)
  /** Nothing is an answer any more: what comes is the rest of a stream. */
  #isOver = false

  /** `isHead` says of the next answer whether it has no body, because of what was asked. */
  constructor(isHead: () => boolean) {
    this.#isHead = isHead
  }

  /** What has come of an answer that is not complete. */
  get rest(): Buffer {
    return this.#rest
  }

  /** The answers that are complete with this. Interim ones are left out. */
  *take(chunk: Buffer): Generator<HttpAnswer> {
    if (this.#isOver) return
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    for (;;) {
      const at = this.#rest.indexOf(HEAD_END)
      if (at < 0) {
        if (this.#rest.length > MOST_HEAD) throw new Error('the head of an answer has no end')
        return
      }
      const { status, headers } = headOf(this.#rest.subarray(0, at).toString('latin1'))
      const from = at + HEAD_END.length
      if (status >= 100 && status < 200 && status !== 101) {
        this.#rest = this.#rest.subarray(from)
        continue
      }
      const body = bodyOf(this.#rest.subarray(from), status, headers, this.#isHead())
      if (body === undefined) return
      this.#rest = this.#rest.subarray(from + body.length)
      yield { status, headers, body: body.text, isStream: body.isStream }
      if (body.isStream) this.#isOver = true
      if (body.isStream || status === 101) return
    }
  }
}

const headOf = (text: string): { status: number; headers: Map<string, string> } => {
  const [first = '', ...lines] = text.split('\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3}) [\x20-\x7e]*$/.exec(first)?.[1])
  if (Number.isNaN(status)) throw new Error(`an answer begins with ${JSON.stringify(first.slice(0, 100))}`)
  const headers = new Map<string, string>()
  for (const line of lines) {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t\x20-\x7e]*)$/.exec(line) ?? []
    if (name === undefined || value === undefined)
      throw new Error(`an answer has the header ${JSON.stringify(line.slice(0, 100))}`)
    const known = name.toLowerCase()
    if (known === 'content-length' && headers.has(known)) throw new Error('an answer has two lengths')
    headers.set(known, value)
  }
  return { status, headers }
}

interface Body {
  readonly text: string
  /** In bytes, framing included. */
  readonly length: number
  readonly isStream: boolean
}

/** Undefined while it is not complete. */
const bodyOf = (
  bytes: Buffer,
  status: number,
  headers: ReadonlyMap<string, string>,
  isHead: boolean,
): Body | undefined => {
  if (isHead || status === 101 || status === 204 || status === 304) return { text: '', length: 0, isStream: false }
  const isStream = headers.get('content-type')?.startsWith('text/event-stream') === true
  if (headers.get('transfer-encoding') === 'chunked') return chunked(bytes, isStream)
  const length = headers.get('content-length')
  // To whoever does not speak HTTP/1.1: until the connection ends.
  if (length === undefined && (isStream || headers.get('connection') === 'close'))
    return bytes.length === 0 ? undefined : { text: bytes.toString('utf8'), length: bytes.length, isStream: true }
  if (length === undefined || !/^\d+$/.test(length)) throw new Error('an answer has neither a length nor chunks')
  if (bytes.length < Number(length)) return undefined
  return { text: bytes.toString('utf8', 0, Number(length)), length: Number(length), isStream }
}

const chunked = (bytes: Buffer, isStream: boolean): Body | undefined => {
  let text = ''
  let at = 0
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    const size = lineEnd < 0 ? Number.NaN : Number.parseInt(bytes.toString('latin1', at, lineEnd), 16)
    if (lineEnd >= 0 && Number.isNaN(size)) throw new Error('a chunk of an answer has no size')
    if (lineEnd < 0 || bytes.length < lineEnd + size + 4)
      return isStream && text !== '' ? { text, length: at, isStream } : undefined
    text += bytes.toString('utf8', lineEnd + 2, lineEnd + 2 + size)
    at = lineEnd + size + 4
    if (size === 0) return { text, length: at, isStream: false }
  }
}
