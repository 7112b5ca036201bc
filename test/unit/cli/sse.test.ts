import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readEvents, type ServerSentEvent } from '../../../src/cli/sse.ts'

const read = async (chunks: readonly Uint8Array[]): Promise<ServerSentEvent[]> => {
  const messages: ServerSentEvent[] = []
  const body = (async function* () {
    yield* chunks
  })()
  for await (const message of readEvents(body)) messages.push(message)
  return messages
}

const STREAM =
  ':\n\nid: 7-1\nevent: member.joined\ndata: {"é":1}\n\n:\n\nevent: gap\ndata: {"dropped":2}\r\n\r\nid: 7-4\ndata: a\ndata: b\n\nid: 7-5\ndata: cut'

test('a stream is the same messages however it was cut into chunks', async () => {
  const bytes = new TextEncoder().encode(STREAM)
  const cuts = fc
    .array(fc.nat({ max: bytes.length }), { maxLength: 8 })
    .map((at) => [0, ...at.sort((a, b) => a - b), bytes.length])
  await fc.assert(
    fc.asyncProperty(cuts, async (at) => {
      const chunks = at.slice(1).map((end, index) => bytes.slice(at[index], end))
      expect(await read(chunks)).toEqual([
        { id: '7-1', event: 'member.joined', data: '{"é":1}' },
        { id: undefined, event: 'gap', data: '{"dropped":2}' },
        { id: '7-4', event: 'message', data: 'a\nb' },
      ])
    }),
  )
})

test('a message without an end is not waited for', async () => {
  await expect(read([new TextEncoder().encode('x'.repeat(1_000_001))])).rejects.toThrow(/without an end/)
})
