import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { partitionOf } from '../core/hash.ts'
import { findOverlaps, type IntervalRecord, type Overlap, readIntervals } from '../testing/intervals.ts'
import { thing, wholeClaims } from './claims.ts'
import { fullPath, isUnchanged, listFiles, type Problem } from './files.ts'
import { LogReader } from './log.ts'
import { PARTITIONS, parseResult, type Result, ResultTable } from './results.ts'
import { parseSums } from './sums.ts'
import { type Moves, type OwnersView, parseView, totalMoves } from './views.ts'

/** Where everything lies that a run left on disk. */
export interface Traces {
  /** The folder of the logs: `results-*`, `intervals-*`, `views*` and the list of files. */
  readonly folder: string
  /** The folder whose files were hashed. */
  readonly dir: string
  /** The list of checksums. */
  readonly output: string
  readonly isOurs: (file: string) => boolean
}

export interface Report extends Moves {
  readonly ok: boolean
  readonly files: number
  /** Files with exactly the hash in the output that the logs say. */
  readonly hashed: number
  /** Neither in the output nor reported. */
  readonly missing: readonly string[]
  /** In the output twice, or done twice under one grant. */
  readonly duplicates: readonly string[]
  readonly overlaps: readonly Overlap[]
  /** Lines that contradict each other or cannot be read, each with what is wrong. */
  readonly faults: readonly string[]
  /** Could not be hashed, changed or vanished meanwhile. Not a fault of the run, and not in the output. */
  readonly reported: readonly Problem[]
  /** Appeared after the list was made. */
  readonly appeared: readonly string[]
  /** Files done once more by a later owner. */
  readonly again: number
  readonly claims: number
}

/** Judges a run by what is on disk alone: the logs, the output, and the folder, which it lists again. */
export const check = async ({ folder, dir, output, isOurs }: Traces): Promise<Report> => {
  const faults: string[] = []
  const listed = readLines(folder, 'files').map((line) => JSON.parse(line) as string)
  const logs = readdirSync(folder).filter((name) => name.startsWith('intervals-'))
  const intervals = wholeClaims(logs.flatMap((name) => readIntervals(join(folder, name))))
  const { table, twice } = readResults(folder, intervals, faults)
  const { files: present } = await listFiles(dir, isOurs)
  const there = new Set(present)
  const { sums, bad } = parseSums(readFileSync(output))
  for (const line of bad) faults.push(`line ${line} of the output is no checksum`)

  const inOutput = new Map<string, string>()
  const duplicates = new Set(twice)
  for (const { path, hash } of sums) {
    if (inOutput.has(path)) duplicates.add(path)
    inOutput.set(path, hash)
  }
  const missing: string[] = []
  const reported: Problem[] = []
  let hashed = 0
  for (const path of listed) {
    const result = table.get(path)
    const hash = inOutput.get(path)
    inOutput.delete(path)
    const reason = await whyLeftOut(dir, path, result, there)
    if (reason !== undefined) reported.push({ path, reason })
    else if (hash === undefined) missing.push(path)
    if (hash === undefined) continue
    if (hash === result?.hash) hashed++
    else faults.push(`the output has another hash for ${path} than the logs`)
  }
  for (const path of inOutput.keys()) faults.push(`the output has ${path}, which was not in the list of files`)

  const known = new Set(listed)
  const overlaps = findOverlaps(intervals)
  return {
    ok: missing.length + duplicates.size + overlaps.length + faults.length === 0,
    files: listed.length,
    hashed,
    missing,
    duplicates: [...duplicates],
    overlaps,
    faults,
    reported,
    appeared: present.filter((path) => !known.has(path)),
    again: table.counts.again + table.counts.older,
    claims: intervals.length,
    ...totalMoves(readViews(folder, faults)),
  }
}

/** Reads all results, and notices work that was done twice under one grant, or without one. */
const readResults = (folder: string, intervals: readonly IntervalRecord[], faults: string[]) => {
  const table = new ResultTable()
  const twice: string[] = []
  const granted = new Set(intervals.map(({ who, what, epoch }) => `${who} ${what} ${epoch}`))
  for (const line of readLines(folder, 'results-')) {
    const result = parseResult(line)
    if (result === undefined) {
      faults.push(`a line of a result log is no result: ${line.slice(0, 200)}`)
      continue
    }
    const { who, epoch, path } = result
    if (!granted.has(`${who} ${thing(partitionOf(path, PARTITIONS))} ${epoch}`))
      faults.push(`${who} hashed ${path} at epoch ${epoch}, under which it never owned its partition`)
    if (table.add(result) === 'twice') twice.push(path)
  }
  return { table, twice }
}

const readViews = (folder: string, faults: string[]): OwnersView[] => {
  const views = readLines(folder, 'views').map(parseView)
  if (views.includes(undefined)) faults.push('a line of the log of views is no view')
  return views.filter((view) => view !== undefined)
}

/** The whole lines; a torn last one belongs to a process that was killed while it wrote it. */
const readLines = (folder: string, prefix: string): string[] => new LogReader(folder, prefix).lines()

/** Why a file need not be in the output; `undefined` when it must be. */
const whyLeftOut = async (
  dir: string,
  path: string,
  result: Result | undefined,
  there: ReadonlySet<string>,
): Promise<string | undefined> => {
  if (result?.problem !== undefined) return result.problem
  if (result?.bytes === undefined || result.mtimeMs === undefined) return undefined
  if (!there.has(path)) return 'vanished'
  const { bytes, mtimeMs } = result
  return (await isUnchanged(fullPath(dir, path), { bytes, mtimeMs })) ? undefined : 'changed after it was hashed'
}
