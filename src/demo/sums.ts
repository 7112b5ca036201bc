import { decodePath, encodePath } from './names.ts'

/** One line of a list of checksums. */
export interface Sum {
  readonly path: string
  readonly hash: string
}

/** The sums as `sha256sum` prints them, sorted by the bytes of their paths, so that `sha256sum -c` confirms them. */
export const formatSums = (sums: Iterable<Sum>): Buffer => {
  const lines = [...sums].map(({ path, hash }) => ({ name: encodePath(path), hash }))
  lines.sort((a, b) => Buffer.compare(a.name, b.name))
  return Buffer.concat(lines.map(({ name, hash }) => formatLine(name, hash)))
}

/** As GNU does: a line whose name has to be escaped begins with a backslash. */
const formatLine = (name: Buffer, hash: string): Buffer => {
  // Bytes as characters: what is escaped is ASCII, and the rest must pass as it is.
  const plain = name.toString('latin1')
  // `sha256sum -c` takes the name `-` for its standard input.
  const escaped = plain === '-' ? './-' : plain.replace(/[\\\n\r]/g, (char) => ESCAPES[char] ?? char)
  const mark = escaped.includes('\\') ? '\\' : ''
  return Buffer.from(`${mark}${hash}  ${escaped}\n`, 'latin1')
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r' }

/** Reads such a list back; a line that is none is given in `bad` with its number. */
export const parseSums = (bytes: Buffer): { sums: Sum[]; bad: number[] } => {
  const sums: Sum[] = []
  const bad: number[] = []
  const lines = bytes.toString('latin1').split('\n')
  // A list that is whole ends with a newline, after which there is nothing.
  if (lines.at(-1) === '') lines.pop()
  else bad.push(lines.length)
  for (const [index, line] of lines.entries()) {
    const [, mark, hash = '', name = ''] = /^(\\?)([0-9a-f]{64}) {2}(.+)$/s.exec(line) ?? []
    if (mark === undefined) {
      if (!bad.includes(index + 1)) bad.push(index + 1)
      continue
    }
    const plain = mark === '' ? name : name.replace(/\\([\\nr])/g, (_, char: string) => UNESCAPES[char] ?? char)
    sums.push({ path: decodePath(Buffer.from(plain === './-' ? '-' : plain, 'latin1')), hash })
  }
  return { sums, bad }
}

const UNESCAPES: Readonly<Record<string, string>> = { '\\': '\\', n: '\n', r: '\r' }
