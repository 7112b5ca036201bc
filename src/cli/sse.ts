/** One message of a stream of server-sent events. */
export interface ServerSentEvent {
  readonly id: string | undefined
  readonly event: string
  readonly data: string
}

/** A message longer than this is none of ours. */
const MAX_MESSAGE_CHARS = 1_000_000

/** The messages of a body, in order. Comments, by which the server says that it is there, are left out. */
export async function* readEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of body) {
    text = `${text}${decoder.decode(chunk, { stream: true })}`.replaceAll('\r\n', '\n')
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const message = parse(text.slice(0, end))
      text = text.slice(end + 2)
      if (message.data !== '') yield message
    }
    if (text.length > MAX_MESSAGE_CHARS) throw new Error('the server sent a message without an end')
  }
}

const parse = (text: string): ServerSentEvent => {
  let id: string | undefined
  let event = 'message'
  const data: string[] = []
  for (const line of text.split('\n')) {
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? []
    if (field === 'id') id = value
    else if (field === 'event') event = value
    else if (field === 'data') data.push(value)
  }
  return { id, event, data: data.join('\n') }
}
