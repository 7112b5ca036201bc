import { Session } from 'node:inspector'
import { type Coverage, coverageOf, type FileCoverage, type FunctionCount } from './coverage.ts'

interface ScriptCount {
  readonly url: string
  readonly functions: readonly FunctionCount[]
}

/**
 * Counts which blocks of the code of some folders and files run in this thread, from its making on. Made before that code is loaded: what was compiled
 * without counters is counted by whole functions only.
 */
export class CoverageProbe {
  readonly #session = new Session()
  readonly #root: string
  readonly #folders: readonly string[]

  constructor(root: URL, folders: readonly string[]) {
    this.#root = root.href
    this.#folders = folders.map((folder) => new URL(folder.endsWith('.js') ? folder : `${folder}/`, root).href)
    this.#session.connect()
    this.#session.post('Profiler.enable')
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  /** What ran since the last time. */
  take(): Coverage {
    let scripts: readonly ScriptCount[] = []
    let failure: Error | null = null
    // A session with its own thread answers before `post` returns.
    this.#session.post('Profiler.takePreciseCoverage', (error, { result }) => {
      failure = error
      if (error === null) scripts = result
    })
    if (failure !== null) throw failure
    const found: Record<string, FileCoverage> = {}
    for (const { url, functions } of scripts) {
      if (this.#folders.some((folder) => url.startsWith(folder))) {
        found[url.slice(this.#root.length)] = coverageOf(functions)
      }
    }
    return found
  }
}
