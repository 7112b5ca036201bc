import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../src/core/random.ts'
import { describedApi } from '../../../src/testing/fuzz/api.ts'
import { CASES } from '../../../src/testing/fuzz/cases.ts'
import { frameOf, OPCODE, ServerFrames } from '../../../src/testing/fuzz/frames.ts'
import { HttpAnswers } from '../../../src/testing/fuzz/http-answers.ts'
import { HttpInputs } from '../../../src/testing/fuzz/http-input.ts'
import { Fields, jsonOf, textOf, Verbatim } from '../../../src/testing/fuzz/json.ts'
import { faultOf } from '../../../src/testing/fuzz/judge.ts'
import { MemberFrames } from '../../../src/testing/fuzz/member-frames.ts'
import { Memory } from '../../../src/testing/fuzz/memory.ts'
import { mutated } from '../../../src/testing/fuzz/mutate.ts'
import { TOKENS, World } from '../../../src/testing/fuzz/world.ts'
import { decodeCoordinatorFrame, decodeMemberFrame, encodeFrame } from '../../../src/wire/frames.ts'
import { decodeLeaveQuery, decodeRenewBody } from '../../../src/wire/http.ts'
import { OPERATIONS } from '../../../src/wire/openapi-operations.ts'

const api = describedApi()
const seeds = fc.integer({ min: 0, max: 2 ** 31 })

describe('what a fuzzer sends', () => {
  test('is made from the description of every route, so that a new one is not left out', () => {
    expect(api.routes.map(({ name }) => name).sort()).toEqual(
      Object.values(OPERATIONS)
        .map(({ id }) => id)
        .sort(),
    )
    const inputs = new HttpInputs(api, new World('closed'), 'localhost')
    const drawn = new Set<string | undefined>()
    const random = seededRandom(1)
    for (let n = 0; n < 3_000; n++) drawn.add(inputs.draw(random, new Memory()).route?.name)
    expect([...drawn].filter(Boolean)).toHaveLength(api.routes.length)
  })

  test('is the same again from the same seed', () => {
    const requests = (seed: number) => {
      const random = seededRandom(seed)
      const inputs = new HttpInputs(api, new World('open'), 'localhost')
      return Array.from({ length: 30 }, () => inputs.draw(random, new Memory()).bytes.toString('latin1'))
    }
    fc.assert(
      fc.property(seeds, (seed) => void expect(requests(seed)).toEqual(requests(seed))),
      { numRuns: 20 },
    )
  })

  test('has values that no JSON has, and keys twice', () => {
    expect(textOf([Number.NaN, -0, new Verbatim('01'), '\ud800'])).toBe('[NaN,-0,01,"\\ud800"]')
    const twice = [
      ['a', 1],
      ['__proto__', 2],
      ['a', null],
    ] as const
    expect(textOf(new Fields(twice))).toBe('{"a":1,"__proto__":2,"a":null}')
    fc.assert(fc.property(fc.jsonValue(), (value) => void expect(JSON.parse(textOf(jsonOf(value)))).toEqual(value)))
  })

  test('can be changed whatever it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), seeds, (value, seed) => {
        expect(typeof textOf(mutated(jsonOf(value), seededRandom(seed)))).toBe('string')
      }),
    )
  })

  test('in a sound frame is what each version of the link takes', () => {
    const frames = new MemberFrames(api, new World('open'))
    fc.assert(
      fc.property(seeds, fc.constantFrom(1, 2), (seed, protocol) => {
        const frame = frames.draw(seededRandom(seed), new Memory(), protocol as 1 | 2)
        expect(decodeMemberFrame(frame, protocol as 1 | 2)).toBeInstanceOf(Array)
      }),
    )
  })
})

describe('no text makes', () => {
  const texts = fc.oneof(
    fc.string(),
    fc.json(),
    fc.jsonValue().map((value) => JSON.stringify([value])),
  )

  test('a decoder throw, and what is taken is taken again', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const messages = decodeMemberFrame(text)
        if (typeof messages !== 'string') expect(decodeMemberFrame(encodeFrame(messages))).toEqual(messages)
        decodeCoordinatorFrame(text)
        decodeRenewBody('g', 'a', text)
        decodeLeaveQuery('g', 'a', new URLSearchParams(text))
      }),
    )
  })

  test('a decoder or a coordinator break a rule, by the cases of a fuzzer', async () => {
    const target = { host: '127.0.0.1', port: 0 }
    for (const layer of ['decode', 'coordinator'] as const) {
      for (let n = 0; n < 2; n++) {
        const setting = { random: seededRandom(n), api, world: new World('open'), target, from: undefined }
        const outcome = await CASES[layer](setting)
        expect(outcome).toEqual({ inputs: expect.any(Number) })
        expect(outcome.inputs).toBeGreaterThan(100)
      }
    }
  })
})

describe('what comes back', () => {
  const answers = [
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}',
    'HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[\r\n1\r\n]\r\n0\r\n\r\n',
  ]
  const whole = Buffer.from(['HTTP/1.1 100 Continue\r\n\r\n', ...answers].join(''))

  test('is split into answers wherever the pieces end', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(whole.length)), (cuts) => {
        const reader = new HttpAnswers(() => false)
        const ends = [...cuts.sort((a, b) => a - b), whole.length]
        const taken = ends.flatMap((end, n) => [...reader.take(whole.subarray(ends[n - 1] ?? 0, end))])
        expect(taken.map(({ status, body }) => [status, body])).toEqual([
          [200, '{}'],
          [404, '[]'],
        ])
      }),
    )
  })

  test.each([
    ['HTTP/2 200 OK\r\n\r\n', 'an answer begins with'],
    ['HTTP/1.1 200 OK\r\nbad header\r\n\r\n', 'an answer has the header'],
    ['HTTP/1.1 200 OK\r\n\r\n', 'neither a length nor chunks'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n', 'two lengths'],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 400 Bad\r\n', 'a chunk of an answer has no size'],
  ])('is no answer when it is %j', (text, message) => {
    expect(() => [...new HttpAnswers(() => false).take(Buffer.from(text))]).toThrow(message)
  })

  test('is held against what the document says', () => {
    const health = api.routes.find(({ name }) => name === 'getHealth')
    const fault = (status: number, body: string, type = 'application/json') =>
      faultOf({ status, body, headers: new Map([['content-type', type]]), isStream: false }, health, false)
    const refusal = (code: string, message = 'no') =>
      JSON.stringify({ error: { code, message, retriable: true, definite: true, details: {} } })
    expect(fault(200, '{}')).toContain('lacks the field "ok"')
    expect(fault(201, '{}')).toContain('nothing describes')
    expect(fault(200, '<html>', 'text/html')).toContain('answers "text/html"')
    expect(fault(429, refusal('CAUCUS_OVERLOADED'))).toBeUndefined()
    expect(fault(400, refusal('CAUCUS_OVERLOADED'))).toContain('the status of CAUCUS_OVERLOADED is not 400')
    expect(fault(409, refusal('CAUCUS_CONFLICT'))).toContain('not described')
    expect(fault(500, refusal('CAUCUS_BACKEND'))).toContain('the server failed')
    expect(fault(417, '')).toContain('is not JSON')
    expect(fault(429, refusal('CAUCUS_OVERLOADED', `who is ${TOKENS.operator}?`))).toContain('has "s3cr3t-operator')
    expect(fault(429, refusal('CAUCUS_OVERLOADED', 'Error\n    at x'))).toContain('has "    at "')
  })

  test('of a link is split into frames, and what no server sends is refused', () => {
    const frames = [OPCODE.text, OPCODE.pong].map((opcode) =>
      frameOf({ opcode, payload: Buffer.alloc(300, 0x61), masked: false }),
    )
    const reader = new ServerFrames()
    const bytes = [...Buffer.concat(frames)].flatMap((byte) => [...reader.take(Buffer.from([byte]))])
    expect(bytes.map(({ opcode, payload }) => [opcode, payload.length])).toEqual([
      [OPCODE.text, 300],
      [OPCODE.pong, 300],
    ])
    const masked = frameOf({ opcode: OPCODE.text, payload: Buffer.from('x') })
    expect(() => [...new ServerFrames().take(masked)]).toThrow('with a mask')
  })
})
