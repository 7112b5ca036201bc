import { readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { type Coverage, type FileCoverage, isUnreached, pairs, type Spans } from './coverage.ts'
import { codeBelow } from './fingerprint.ts'

export interface Count {
  readonly reached: number
  readonly total: number
}

export interface UnreachedBlock {
  /** Below src/. */
  readonly file: string
  readonly line: number
  /** How it begins. */
  readonly code: string
}

/** What the simulator reached of the code that it is there for. */
export interface CoverageReport {
  /** In how many seeds it was counted. */
  readonly seeds: number
  readonly functions: Count
  readonly blocks: Count
  /** Only the outermost: what is in an unreached one is none either. */
  readonly unreached: readonly UnreachedBlock[]
  /** Files that were not even loaded. */
  readonly notLoaded: readonly string[]
}

const LONGEST_CODE = 80

/** Says in the lines of the sources what was reached of the built code in `folders`. */
export const reportCoverage = (
  coverage: Coverage,
  { root, folders, seeds }: { root: URL; folders: readonly string[]; seeds: number },
): CoverageReport => {
  const unreached: UnreachedBlock[] = []
  const functions = { reached: 0, total: 0 }
  const blocks = { reached: 0, total: 0 }
  const notLoaded: string[] = []
  for (const file of codeBelow(root, folders)) {
    const text = readFileSync(new URL(file, root), 'utf8')
    // Blanked out, not cut out, so that places stay what they are.
    const code = text.replace(COMMENT, (comment) => ' '.repeat(comment.length))
    const found = coverage[file]
    if (found !== undefined) {
      count(functions, blocksOf(found, found.functions, code))
      count(blocks, blocksOf(found, found.blocks, code))
      const place = placesIn(new URL(file, root), text)
      for (const start of outermostUnreached(found, code)) unreached.push({ file: inSource(file), ...place(start) })
    } else if (!isOnlyTypes(code)) notLoaded.push(inSource(file))
  }
  return { seeds, functions, blocks, unreached, notLoaded }
}

const COMMENT = /\/\*[\s\S]*?\*\/|\/\/.*/g

const inSource = (file: string): string => file.replace(/\.js$/, '.ts')

/** A file of types is compiled into an empty module, which nobody loads. */
const isOnlyTypes = (code: string): boolean => /^\s*(export \{\};)?\s*$/.test(code)

interface Block {
  /** Where its first word is. */
  readonly start: number
  readonly end: number
  readonly reached: boolean
}

/** What follows a last `return` may be a block of a brace or a comment: nobody could reach that, so it is none. */
const blocksOf = (found: FileCoverage, spans: Spans, code: string): Block[] =>
  pairs(spans).flatMap(([from, end]) => {
    const first = code.slice(from, end).search(/[\w'"`([#]/)
    return first < 0 ? [] : [{ start: from + first, end, reached: !isUnreached(found, from, end) }]
  })

const count = (into: { reached: number; total: number }, blocks: readonly Block[]): void => {
  into.total += blocks.length
  into.reached += blocks.filter(({ reached }) => reached).length
}

const outermostUnreached = (found: FileCoverage, code: string): number[] => {
  let covered = 0
  return blocksOf(found, found.blocks, code).flatMap(({ start, end, reached }) => {
    if (reached || end <= covered) return []
    covered = end
    return [start]
  })
}

type Place = Omit<UnreachedBlock, 'file'>

/** From a place in the built text to the line that it was compiled from. Without a source map: of the built text itself. */
const placesIn = (file: URL, text: string): ((offset: number) => Place) => {
  const map = sourceMapOf(file)
  return (offset) => {
    const before = text.slice(0, offset).split('\n')
    const line = before.length - 1
    const code = (text.slice(offset).split('\n', 1)[0] ?? '').trim().slice(0, LONGEST_CODE)
    const entry = map?.findEntry(line, before[line]?.length ?? 0)
    return { line: (entry !== undefined && 'originalLine' in entry ? entry.originalLine : line) + 1, code }
  }
}

const sourceMapOf = (file: URL): SourceMap | undefined => {
  try {
    return new SourceMap(JSON.parse(readFileSync(new URL(`${file.href}.map`), 'utf8')))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
