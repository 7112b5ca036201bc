import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where distributions put it: Debian and its kin by architecture, others without. */
const FOLDERS = ['/usr/lib', '/usr/lib64', '/usr/local/lib']

/** The library of the package `faketime` for programs with threads, or `undefined` when it is not installed. */
export const findLibfaketime = (): string | undefined =>
  FOLDERS.filter((folder) => existsSync(folder))
    .flatMap((folder) => [folder, ...readdirSync(folder).map((name) => join(folder, name))])
    .map((folder) => join(folder, 'faketime', 'libfaketimeMT.so.1'))
    .find((file) => existsSync(file))

const preload = (settings: Record<string, string>): NodeJS.ProcessEnv => ({
  LD_PRELOAD: findLibfaketime(),
  ...settings,
})

/** A wall clock that can be set while its process runs. The monotonic clock is left alone. */
export class SettableClock {
  readonly env: NodeJS.ProcessEnv
  readonly #file: string
  #aheadMs = 0

  constructor(folder: string, name: string) {
    this.#file = join(folder, `${name}.clock`)
    this.setMs(0)
    this.env = preload({
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    })
  }

  /** From now on the wall clock is so far ahead of the machine's. */
  setMs(aheadMs: number): void {
    this.#aheadMs = aheadMs
    this.#write(aheadMs)
  }

  /** From now on it is so far from where it was set last. */
  nudge(byMs: number): void {
    this.#write(this.#aheadMs + byMs)
  }

  #write(aheadMs: number): void {
    const seconds = (aheadMs / 1000).toFixed(3)
    // As a whole, since it is read at any instant.
    writeFileSync(`${this.#file}.new`, `${aheadMs < 0 ? '' : '+'}${seconds}\n`)
    renameSync(`${this.#file}.new`, this.#file)
  }
}

/** The environment of a process all of whose clocks, and its timers with them, run at `rate` times the machine's. */
export const runningAt = (rate: number): NodeJS.ProcessEnv => preload({ FAKETIME: `+0 x${rate}` })
