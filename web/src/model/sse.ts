/** One message of a stream of server-sent events. */
export interface SseMessage {
  readonly event: string
  readonly data: string
}

/** So long may one message be, in characters; a server has none that is nearly as long. */
const MAX_MESSAGE = 1_048_576

/** Reads server-sent events out of text that comes in pieces of any size. Throws when a message has no end. */
export class SseReader {
  #rest = ''
  #event = 'message'
  #data: string[] = []
  #length = 0

  read(text: string): SseMessage[] {
    const messages: SseMessage[] = []
    const lines = `${this.#rest}${text}`.split('\n')
    this.#rest = lines.pop() ?? ''
    for (const raw of lines) {
      const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw
      if (line === '') this.#end(messages)
      else this.#take(line)
    }
    if (this.#rest.length + this.#length > MAX_MESSAGE) throw new Error('the server sends an event without an end')
    return messages
  }

  #take(line: string): void {
    const colon = line.indexOf(':')
    if (colon === 0) return
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (name === 'event') this.#event = value
    if (name !== 'data') return
    this.#length += value.length
    this.#data.push(value)
  }

  #end(messages: SseMessage[]): void {
    if (this.#data.length > 0) messages.push({ event: this.#event, data: this.#data.join('\n') })
    this.#event = 'message'
    this.#data = []
    this.#length = 0
  }
}
