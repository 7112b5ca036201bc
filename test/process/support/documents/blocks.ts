import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readTree } from '../../../tidy/source.ts'
import { repository } from '../processes.ts'

/** A fenced block of code of a document. */
export interface Block {
  /** `docs/guides/from-bloc.md:32`. */
  readonly where: string
  readonly file: string
  readonly line: number
  /** `ts`, `sh`, …; empty where the fence names none. */
  readonly language: string
  readonly code: string
  /** What the page says that it prints: the block of text after a sentence that says "prints". */
  readonly prints: string | undefined
}

const FENCE = /^( *)(`{3,})(\S*)[^\n]*\n(.*?)^\1\2\n/gms
const BETWEEN = /^[^\n`]*\bprints\b[^\n]*$/

/** The blocks of one document, in its order. */
export const blocksIn = (file: string, text: string): Block[] => {
  const found = [...text.matchAll(FENCE)]
  return found.map(({ 0: all, 3: language = '', 4: code = '', index }, n) => {
    const line = text.slice(0, index).split('\n').length
    const next = found[n + 1]
    const between = text.slice(index + all.length, next?.index).trim()
    const isPrinted = next?.[3] === 'text' && BETWEEN.test(between)
    return { where: `${file}:${line}`, file, line, language, code, prints: isPrinted ? next[4] : undefined }
  })
}

/** The reference is made from the code: its blocks are signatures, and its test is reference.test.ts. */
const isWritten = (file: string) => !file.startsWith('docs/reference/')

/** Everything that a reader of the repository reads. */
export const documents = (): ReadonlyMap<string, string> => {
  const beside = ['README.md', 'CONTRIBUTING.md'].map(
    (file) => [file, readFileSync(join(repository, file), 'utf8')] as const,
  )
  return new Map([...beside, ...[...readTree(['docs'], ['.md'])].filter(([file]) => isWritten(file))])
}
