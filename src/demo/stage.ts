import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CaucusError } from '../errors.ts'
import type { Coordinate } from './coordination.ts'
import { listFiles, type Problem, reasonOf } from './files.ts'
import { writableOutput } from './output.ts'
import { type ServerOrder, Servers } from './servers.ts'
import { oneServer, threeVoters } from './voters.ts'

export interface StageOptions {
  /** The folder whose files are hashed; by default the installed dependencies of this package. */
  readonly input?: string | undefined
  /** Where the list of checksums goes; by default into a new folder for temporary files. */
  readonly output?: string | undefined
  readonly workers: number
  readonly kill: number
  /** Servers of the demo's own, or what somebody else supplies. */
  readonly backend: 'embedded' | 'peer' | Coordinate
  /** After the first round the work goes on, and whoever watches can have things done to the processes. */
  readonly stays?: boolean | undefined
}

/** The work once over: a list of files, and the logs of what became of them. */
export interface Round {
  readonly number: number
  readonly folder: string
  readonly files: readonly string[]
  readonly problems: readonly Problem[]
}

/** Everything that a run needs before its first process is started. */
export interface Stage {
  readonly dir: string
  readonly first: Round
  /** For the logs of this run, each round in a folder of its own. */
  readonly folder: string
  readonly output: string
  readonly workers: number
  readonly kill: number
  readonly stays: boolean
  /** Of the demo's own; none where something else coordinates. */
  readonly servers: readonly ServerOrder[]
  readonly coordinate: Coordinate
  /** By the full path of a file: it is written by the demo, so it is no input. */
  readonly isOurs: (file: string) => boolean
  /** The files as they are now. What is left of the round before the last one goes. */
  nextRound(number: number, signal: AbortSignal): Promise<Round>
  /** Removes the logs. The list of checksums stays, if there is one. */
  clear(): void
}

/** Checks the folder and the output, and lists the files; `CAUCUS_INVALID_ARGUMENT` says what is wrong with either. */
export const setStage = async (options: StageOptions, signal: AbortSignal): Promise<Stage> => {
  const dir = inputFolder(options.input)
  const asked = options.output === undefined ? undefined : writableOutput(options.output)
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'caucus-demo-')))
  const folder = join(home, 'logs')
  const remove = (what: string) => rmSync(what, { recursive: true, force: true, maxRetries: 5 })
  try {
    mkdirSync(folder)
    const output = asked ?? join(home, SUMS)
    const isOurs = (file: string) => file === output || file === home || file.startsWith(home + sep)
    const round = async (number: number, ended: AbortSignal): Promise<Round> => {
      const { files, problems } = await listFiles(dir, isOurs, ended)
      if (files.length === 0) throw refuse(dir, 'has no regular file that could be read; name a folder with some files')
      const own = join(folder, `round-${number}`)
      mkdirSync(own)
      writeList(own, files)
      return { number, folder: own, files, problems }
    }
    const first = await round(1, signal)
    const { workers, kill, backend, stays = false } = options
    const servers = await serversOf(backend, folder)
    return {
      dir,
      first,
      folder,
      output,
      workers,
      kill,
      stays,
      servers,
      coordinate: typeof backend === 'function' ? backend : (listener, ended) => new Servers(servers, listener, ended),
      isOurs,
      // Somebody who was frozen for long may still write into that of the last one.
      nextRound: (number, ended) => {
        remove(join(folder, `round-${number - 2}`))
        return round(number, ended)
      },
      clear: () => remove(existsSync(join(home, SUMS)) ? folder : home),
    }
  } catch (error) {
    remove(home)
    throw error
  }
}

/** What a round is about, for its workers and for the check. */
export const writeList = (folder: string, files: readonly string[]): void =>
  writeFileSync(join(folder, 'files.ndjson'), files.map((path) => `${JSON.stringify(path)}\n`).join(''))

const serversOf = async (backend: StageOptions['backend'], folder: string): Promise<readonly ServerOrder[]> => {
  if (typeof backend === 'function') return []
  return backend === 'peer' ? threeVoters(folder) : oneServer(folder)
}

const SUMS = 'SHA256SUMS'

const refuse = (dir: string, why: string) => new CaucusError('CAUCUS_INVALID_ARGUMENT', `--input ${dir}: ${why}`)

const inputFolder = (input: string | undefined): string => {
  if (input === undefined) return installedDependencies()
  try {
    if (!statSync(input).isDirectory())
      throw refuse(input, 'is not a folder; name the folder whose files are to be hashed')
    return realpathSync(input)
  } catch (error) {
    if (error instanceof CaucusError) throw error
    const gone = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    throw refuse(input, gone ? 'does not exist' : reasonOf(error))
  }
}

/** The dependencies of this package: in its own `node_modules`, or in the one that it is installed in itself. */
const installedDependencies = (): string => {
  const ours = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
  for (const folder of [join(ours, 'node_modules'), resolve(ours, '..')]) {
    // `ws` is one of them: an empty or half `node_modules` is passed over.
    if (folder.endsWith(`${sep}node_modules`) && statSync(join(folder, 'ws'), { throwIfNoEntry: false })?.isDirectory())
      return realpathSync(folder)
  }
  throw new CaucusError(
    'CAUCUS_INVALID_ARGUMENT',
    'the installed dependencies were not found; name a folder with --input DIR',
  )
}
