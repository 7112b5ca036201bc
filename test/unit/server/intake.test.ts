import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { Intake } from '../../../src/server/intake.ts'

const room = () => {
  const counts = { arrivalsRefused: 0 }
  const limits = { bodyBytes: 50, arrivingBytes: 100, arrivingBytesPerAddress: 75, arrivingBytesEach: 5 }
  return { counts, intake: new Intake({ limits, counts }) }
}

describe('what arrives', () => {
  test('is bounded for one address, and for all', () => {
    const { counts, intake } = room()
    const [one, other, third] = [intake.open('a'), intake.open('a'), intake.open('b')]
    expect([one.add(40), other.add(35), other.add(1)]).toEqual([true, true, false])
    expect([third.add(24), third.add(1)]).toEqual([true, false])
    expect(counts.arrivalsRefused).toBe(2)
  })

  test('is taken while it is small, however much of others there is', () => {
    const { counts, intake } = room()
    const [one, other, honest] = [intake.open('a'), intake.open('b'), intake.open('c')]
    expect([one.add(74), other.add(26)]).toEqual([true, true])
    expect([honest.add(3), honest.add(2), honest.add(1)]).toEqual([true, true, false])
    expect(counts.arrivalsRefused).toBe(1)
  })

  test('counts no more once it is taken, and is forgotten with its end', () => {
    const { intake } = room()
    const one = intake.open('a')
    one.add(70)
    one.taken(6)
    expect(intake.bytes).toBe(64)
    one.taken()
    expect([intake.bytes, one.add(75)]).toEqual([0, true])
    one.close()
    expect([intake.bytes, intake.size]).toEqual([0, 0])
  })

  test('is never less than nothing, though more is taken than was counted', () => {
    const { intake } = room()
    const one = intake.open('a')
    one.add(3)
    one.taken(100)
    expect(intake.bytes).toBe(0)
  })
})

describe('a body', () => {
  const read = (headers: object = {}) => {
    const { intake, counts } = room()
    const stream = Object.assign(new PassThrough(), { headers })
    const ends: string[] = []
    // Of the request only its headers and its bytes are looked at.
    intake.body(
      stream as unknown as IncomingMessage,
      'a',
      (fault, body) => void ends.push(fault?.message ?? String(body)),
    )
    return { intake, counts, stream, ends }
  }
  const later = () => new Promise((resolve) => setImmediate(resolve))

  test('is given whole, once, and nothing is kept', async () => {
    const { intake, stream, ends } = read()
    stream.write('{"a":')
    stream.end('1}')
    await later()
    await later()
    expect([ends, intake.bytes, intake.size]).toEqual([['{"a":1}'], 0, 0])
  })

  test('that says, or turns out, to be too long is refused, and nothing of it is kept', async () => {
    const said = read({ 'content-length': '51' })
    expect([said.ends, said.intake.size]).toEqual([['the body has at most 50 bytes'], 0])
    const { intake, stream, ends } = read()
    for (let i = 0; i < 10; i++) stream.write(Buffer.alloc(30))
    stream.end()
    await later()
    await later()
    expect([ends, intake.bytes, intake.size]).toEqual([['the body has at most 50 bytes'], 0, 0])
  })

  test('that breaks off is told as such', async () => {
    const { intake, stream, ends } = read()
    stream.write('{')
    await later()
    stream.destroy()
    await later()
    expect([ends, intake.size]).toEqual([['the body ended before its end'], 0])
  })

  test('that comes when too much is arriving is refused', async () => {
    const { intake, counts, stream, ends } = read()
    intake.open('b').add(75)
    intake.open('c').add(20)
    stream.write(Buffer.alloc(20))
    await later()
    expect([ends, counts.arrivalsRefused]).toEqual([[expect.stringContaining('too much is arriving at once')], 1])
  })
})
