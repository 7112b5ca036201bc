import { describe, expect, test } from 'vitest'
import { inputOf, replyOf } from '../../../src/cli/answer/reply.ts'
import type { Ended } from '../../../src/cli/answer/run.ts'
import { Tail } from '../../../src/cli/answer/tail.ts'

const ended = (more: Partial<Ended> = {}): Ended => ({
  code: 0,
  signal: null,
  output: Buffer.alloc(0),
  isTooLong: false,
  errorTail: '',
  ...more,
})
const wrote = (output: string | Buffer) => replyOf(ended({ output: Buffer.from(output) }))

describe('a program that answers', () => {
  test('reads JSON as one line, and bytes as they are', () => {
    expect(inputOf({ text: 'a\nb' })).toBe('{"text":"a\\nb"}\n')
    expect(inputOf(null)).toBe('null\n')
    expect(inputOf(undefined)).toBe('')
    const bytes = new Uint8Array([0, 255])
    expect(inputOf(bytes)).toBe(bytes)
  })

  test('has written JSON, or text, or bytes', () => {
    expect(wrote('{"cents":119}\n')).toEqual({ cents: 119 })
    expect(wrote(' 7 \n\n')).toBe(7)
    expect(wrote('two words\n')).toBe('two words')
    expect(wrote('{"half":\n\n')).toBe('{"half":\n')
    expect(wrote('')).toBe('')
    expect(wrote(Buffer.from([0xff, 0x0a]))).toEqual(new Uint8Array([0xff, 0x0a]))
  })

  test('has failed with what it said last', () => {
    expect(() => replyOf(ended({ code: 3, errorTail: 'no such sku' }))).toThrow(
      'the program exited with 3: no such sku',
    )
    expect(() => replyOf(ended({ code: null, signal: 'SIGKILL' }))).toThrow(/^the program was ended by SIGKILL$/)
    expect(() => replyOf(ended({ code: null }))).toThrow('cannot be killed')
    const failed = (more: Partial<Ended>) => {
      try {
        return replyOf(ended(more))
      } catch (error) {
        return error
      }
    }
    expect(failed({ code: 1 })).toMatchObject({ code: 'CAUCUS_HANDLER_FAILED', details: { exitCode: 1, signal: null } })
    expect(failed({ isTooLong: true })).toMatchObject({ code: 'CAUCUS_TOO_LARGE' })
  })
})

describe('the end of what a program said', () => {
  const tailOf = (...chunks: readonly string[]) => {
    const tail = new Tail()
    for (const chunk of chunks) tail.add(Buffer.from(chunk))
    return tail.text()
  }

  test('is all of it when it is short', () => {
    expect(tailOf()).toBe('')
    expect(tailOf('one\n', 'two\n')).toBe('one\ntwo')
  })

  test('begins with a whole line when it is long', () => {
    expect(tailOf('a line\n'.repeat(500), 'the last\n')).toMatch(/^… a line\n(a line\n)+the last$/)
    expect(tailOf('x'.repeat(5_000))).toBe(`… ${'x'.repeat(1_024)}`)
    expect(tailOf(`${'x'.repeat(5_000)}\n`)).toBe(`… ${'x'.repeat(1_023)}`)
    expect(tailOf('ü'.repeat(5_000), 'e').length).toBeLessThan(600)
  })
})
