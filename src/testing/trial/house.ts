import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CaucusError } from '../../errors.ts'
import { copyBuilt } from '../built-copy.ts'

/** A rule of the built code that is broken on purpose. */
export interface Break {
  /** Of the built code, such as `core/group/holdings.js`. */
  readonly file: string
  /** Must occur exactly once. */
  readonly find: string
  readonly replace: string
}

/** The checkout that this file belongs to, built or not. */
const CHECKOUT = fileURLToPath(new URL('../../../', import.meta.url))

/**
 * The folder of one trial: a copy of the built program, so that a build meanwhile changes nothing, and everything that its processes
 * write down. `remove` when all was well; otherwise its logs tell what happened.
 */
export class House {
  readonly folder: string
  /** The interval logs. */
  readonly logs: string
  readonly data: string

  constructor(broken: readonly Break[] = [], checkout = CHECKOUT) {
    if (!existsSync(join(checkout, 'dist'))) {
      throw new CaucusError(
        'CAUCUS_INVALID_ARGUMENT',
        `a trial runs what is built, and ${checkout}dist is not there; run npm run build`,
      )
    }
    this.folder = mkdtempSync(join(tmpdir(), 'caucus-trial-'))
    this.logs = join(this.folder, 'intervals')
    this.data = join(this.folder, 'data')
    try {
      mkdirSync(this.logs)
      for (const part of ['bin', 'dist']) copyBuilt(join(checkout, part), this.path(part))
      copyFileSync(join(checkout, 'package.json'), this.path('package.json'))
      symlinkSync(join(checkout, 'node_modules'), this.path('node_modules'))
      for (const each of broken) this.#break(each)
    } catch (error) {
      this.remove()
      throw error
    }
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  /** A program of the trial, as it is built. */
  module(name: string): string {
    return this.path(`dist/testing/trial/${name}.js`)
  }

  remove(): void {
    // A program under `caucus work` that is about to be ended may write a line meanwhile, so the folder is not empty at first.
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10 })
  }

  #break({ file, find, replace }: Break): void {
    const path = this.path(`dist/${file}`)
    const pieces = readFileSync(path, 'utf8').split(find)
    if (pieces.length !== 2) {
      throw new CaucusError(
        'CAUCUS_INVALID_ARGUMENT',
        `"${find}" occurs ${pieces.length - 1} times in ${file}, not once`,
      )
    }
    writeFileSync(path, pieces.join(replace))
  }
}
