/** The longest event that is read. */
const MAX_EVENT_LENGTH = 2 ** 20

/**
 * The `data` of each server-sent event of a text that comes in pieces (HTML standard, "Server-sent events"). Names and ids are in the data.
 * Throws when one event is longer than 1 MiB.
 */
export async function* eventData(chunks: AsyncIterable<string>): AsyncGenerator<string, undefined> {
  let rest = ''
  let data: string[] = []
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() as string
    for (const ended of lines) {
      const line = ended.endsWith('\r') ? ended.slice(0, -1) : ended
      if (line.startsWith('data:')) data.push(line.slice(line.startsWith('data: ') ? 6 : 5))
      else if (line === '' && data.length > 0) {
        yield data.join('\n')
        data = []
      }
    }
    if (rest.length + data.reduce((length, line) => length + line.length, 0) > MAX_EVENT_LENGTH) {
      throw new Error(`an event is longer than ${MAX_EVENT_LENGTH} characters`)
    }
  }
  return undefined
}
