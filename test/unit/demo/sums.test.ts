import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodePath, encodePath, printablePath } from '../../../src/demo/names.ts'
import { formatSums, parseSums } from '../../../src/demo/sums.ts'

const HASH = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const written = (path: string) => formatSums([{ path, hash: HASH }]).toString('latin1')

describe('the name of a file', () => {
  test('is its text where it is UTF-8', () => {
    expect(decodePath(Buffer.from('naïve/日本.txt'))).toBe('naïve/日本.txt')
  })

  test('comes back byte by byte where it is not', () => {
    const bytes = Buffer.from([0x61, 0x2f, 0xff, 0xc3, 0x2f, 0xc3, 0xa4])
    const path = decodePath(bytes)
    expect(path.split('/')).toEqual(['a', '\udcff\udcc3', 'ä'])
    expect(encodePath(path)).toEqual(bytes)
  })

  test('comes back whatever its bytes are, also by way of JSON', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (array) => {
        const path = JSON.parse(JSON.stringify(decodePath(Buffer.from(array)))) as string
        expect([...encodePath(path)]).toEqual([...array])
      }),
    )
  })

  test('cannot play tricks with a terminal', () => {
    expect(printablePath('a\x1b[2Jb\nc\u202e\udcff')).toBe('a\\u001b[2Jb\\u000ac\\u202e\\udcff')
  })
})

describe('a list of checksums', () => {
  test('is as sha256sum writes it', () => {
    expect(written('a/b c.txt')).toBe(`${HASH}  a/b c.txt\n`)
  })

  test.each([
    ['a\nb', 'a\\nb'],
    ['a\rb', 'a\\rb'],
    ['a\\b', 'a\\\\b'],
    ['a\\nb', 'a\\\\nb'],
  ])('escapes %j as sha256sum does, and marks the line', (path, escaped) => {
    expect(written(path)).toBe(`\\${HASH}  ${escaped}\n`)
  })

  test('names the file `-` so that it is not taken for standard input', () => {
    expect(written('-')).toBe(`${HASH}  ./-\n`)
    expect(parseSums(Buffer.from(written('-'))).sums).toEqual([{ path: '-', hash: HASH }])
  })

  test('is sorted by the bytes of the paths', () => {
    const sums = ['b', '\ue000', 'a/z', 'a', '\u{10000}', 'a.b'].map((path) => ({ path, hash: HASH }))
    const paths = parseSums(formatSums(sums)).sums.map(({ path }) => path)
    expect(paths).toEqual(['a', 'a.b', 'a/z', 'b', '\ue000', '\u{10000}'])
  })

  test('is read back as it was written, whatever the names are', () => {
    const name = fc.uint8Array({ minLength: 1, maxLength: 12 }).map((array) => decodePath(Buffer.from(array)))
    fc.assert(
      fc.property(fc.uniqueArray(name), (paths) => {
        // `./-` and `-` are one file.
        const sums = paths.filter((path) => path !== './-').map((path) => ({ path, hash: HASH }))
        const { sums: read, bad } = parseSums(formatSums(sums))
        expect(bad).toEqual([])
        expect(new Set(read.map(({ path }) => path))).toEqual(new Set(sums.map(({ path }) => path)))
      }),
    )
  })

  test('says which lines are no checksums, and whether its end is missing', () => {
    expect(parseSums(Buffer.from(`${HASH}  a\nnonsense\n`)).bad).toEqual([2])
    expect(parseSums(Buffer.from(`${HASH}  a\n${HASH}  b`)).bad).toEqual([2])
    expect(parseSums(Buffer.from(''))).toEqual({ sums: [], bad: [] })
  })
})
