import { expect, test } from 'vitest'
import { eventData } from '../../../src/backends/remote/event-stream.ts'

async function* inPieces(text: string, size: number) {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size)
}

const dataOf = async (text: string, size: number) => {
  const all: string[] = []
  for await (const data of eventData(inPieces(text, size))) all.push(data)
  return all
}

test('events are read however their text is cut', async () => {
  const text = ':\n\nid: 7-1\nevent: a.b\ndata: {"x":1}\n\ndata:one\r\ndata: two\r\n\r\n:\n\ndata: unfinished'
  for (const size of [1, 2, 3, 7, 1_000]) expect(await dataOf(text, size)).toEqual(['{"x":1}', 'one\ntwo'])
})

test('an event without an end is not read for ever', async () => {
  await expect(dataOf(`data: ${'x'.repeat(3 * 2 ** 20)}`, 65_536)).rejects.toThrow('longer than')
  await expect(dataOf('data: x\n'.repeat(2 ** 21), 65_536)).rejects.toThrow('longer than')
})
