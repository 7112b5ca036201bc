import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { requestOf } from '../../../src/cli/ask/request.ts'
import { answerAsJson, answerAsText, printable, summaryAsText } from '../../../src/cli/ask/tell.ts'
import type { Summary } from '../../../src/core/dispatch/messages.ts'
import { CaucusError } from '../../../src/errors.ts'

const input = (...parts: readonly (string | Buffer)[]) => Readable.from(parts.map((part) => Buffer.from(part)))
const terminal = () => Object.assign(input(), { isTTY: true })

describe('the request of caucus ask', () => {
  test('is the argument, or what stands on standard input', async () => {
    expect(await requestOf('{"sku":7}', terminal())).toEqual({ sku: 7 })
    expect(await requestOf(undefined, input('{"sku"', ':7}\n'))).toEqual({ sku: 7 })
    expect(await requestOf('-', input('null'))).toBeNull()
  })

  test('that nobody could mean is refused, with what to do', async () => {
    await expect(requestOf('milk', terminal())).rejects.toThrow(/the request is not JSON; .*'"milk"'/)
    await expect(requestOf(undefined, terminal())).rejects.toThrow(/name the request/)
    await expect(requestOf(undefined, input(' \n'))).rejects.toThrow(/standard input is empty/)
    await expect(requestOf('-', input('{'))).rejects.toThrow(/standard input is not JSON/)
    await expect(requestOf('-', input(Buffer.from([0xff])))).rejects.toThrow(/not UTF-8/)
    await expect(requestOf('-', input('"', 'x'.repeat(600_000), '"'))).rejects.toMatchObject({
      code: 'CAUCUS_TOO_LARGE',
    })
  })
})

const reply = (value: unknown, from = 'a') => ({ type: 'reply', from, value }) as const
const error = new CaucusError('CAUCUS_HANDLER_FAILED', 'no such sku\n\u001b[2J')
const failure = { type: 'error', outcome: 'error', from: 'b', error } as const

describe('an answer', () => {
  test('is a line for people: its value as JSON, and an error to be seen as one', () => {
    expect(answerAsText(reply({ cents: 119 }), false)).toBe('a: {"cents":119}')
    expect(answerAsText(reply('error: none'), false)).toBe('a: "error: none"')
    expect(answerAsText(reply(undefined), false)).toBe('a: nothing')
    expect(answerAsText(reply(new Uint8Array([1, 2])), false)).toBe('a: 2 bytes: AQI=')
    expect(answerAsText(failure, false)).toBe('b: error: no such sku\\n\\u001b[2J (CAUCUS_HANDLER_FAILED)')
    expect(answerAsText({ ...failure, outcome: 'refused' }, true)).toContain('\u001b[31mrefused\u001b[0m')
  })

  test('of somebody with a hostile name or text breaks no line and paints no terminal', () => {
    expect(answerAsText(reply('\u202e\n\u009b', 'x\u001b[2J\n'), false)).toBe('x\\u001b[2J\\n: "\\u202e\\n\\u009b"')
  })

  test('is for scripts the line that HTTP has', () => {
    expect(JSON.parse(answerAsJson(reply({ cents: 119 })))).toEqual(reply({ cents: 119 }))
    expect(JSON.parse(answerAsJson(failure))).toMatchObject({ type: 'error', from: 'b', outcome: 'error' })
  })

  test('that is a stream is read to its end, and one that breaks is an error', async () => {
    const stream = async function* (breaks: boolean) {
      yield new Uint8Array([1])
      if (breaks) throw new Error('cut off')
      yield new Uint8Array([2])
    }
    expect(answerAsText(await printable(reply(stream(false))), false)).toBe('a: 2 bytes: AQI=')
    expect(answerAsText(await printable(reply(stream(true))), false)).toBe(
      'a: error: the stream of the reply broke: Error: cut off (CAUCUS_CONNECTION_LOST)',
    )
    const plain = reply({ x: 1 })
    expect(await printable(plain)).toBe(plain)
  })
})

describe('the summary', () => {
  const summary: Summary = {
    expected: 4,
    replied: 1,
    errors: 1,
    refused: 0,
    missing: ['c', 'd\n'],
    left: ['d\n'],
    released: [],
    ending: 'timeout',
    code: 'CAUCUS_TIMEOUT',
  }

  test('says who replied, who failed and who is missing', () => {
    expect(summaryAsText(summary, 'price', false)).toBe(
      '1 of 4 replied; 1 failed; nothing in time from c; d\\n went away (CAUCUS_TIMEOUT)',
    )
    const many = Array.from({ length: 30 }, (_, i) => `p${i}`)
    expect(summaryAsText({ ...summary, missing: many, left: [] }, 'price', false)).toMatch(/p19 and 10 more \(/)
    const { code: _, ...rest } = summary
    expect(summaryAsText({ ...rest, missing: [], left: [], released: ['c', 'd'], ending: 'met' }, 'price', false)).toBe(
      '1 of 4 replied; 1 failed; 2 not needed any more',
    )
  })

  test('of an ask that found nobody says what to do', () => {
    const nobody = { ...summary, expected: 0, ending: 'nobody', code: 'CAUCUS_NO_RESPONDERS' } as const
    expect(summaryAsText(nobody, 'price list', false)).toBe(
      `nobody answers on "price list"; look at its spelling, or start somebody with: caucus answer 'price list' -- COMMAND (CAUCUS_NO_RESPONDERS)`,
    )
    expect(summaryAsText(nobody, 'price', true)).toMatch(/^none of those that --to names answers on "price"/)
  })
})
