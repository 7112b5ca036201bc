import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { CaucusError } from '../../errors.ts'
import { codeOf } from './process-group.ts'

export type Command = readonly [file: string, ...args: string[]]

export interface Gated {
  readonly file: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

const SHELL = '/bin/sh'
/** What a shell calls a name. Dash passes on no variable that is called otherwise (`spring.datasource.url`). */
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/**
 * The command behind a gate: the same process becomes the program once it has read a line, and ends at the end of its input. So nothing
 * of the program has run if its watchdog dies before the gate is opened, and whoever has to kill it can be told its process id before.
 *
 * The program sees what it would see without: its arguments, its environment, an empty input. With `at: 3` the line comes over that
 * file descriptor, which the program does not see, and its input is its own.
 */
export const gated = ([file, ...args]: Command, environment: NodeJS.ProcessEnv, at: 0 | 3 = 0): Gated => {
  const env: NodeJS.ProcessEnv = {}
  const odd: string[] = []
  for (const [name, value] of Object.entries(environment)) {
    // `env` would take a program with "=" in its path for one more variable.
    if (NAME.test(name) || file.includes('=')) env[name] = value
    else {
      // As the value of another variable, since everybody on this machine may read arguments.
      env[`CAUCUS_GATE_${odd.length}`] = `${name}=${value}`
      odd.push(`CAUCUS_GATE_${odd.length}`)
    }
  }
  const carry = odd.map((name) => `"$${name}"`).join(' ')
  const enter = odd.length === 0 ? '' : `set -- env -- ${carry} "$@"; unset ${odd.join(' ')}; `
  const script = `read -r CAUCUS_GATE <&${at} || exit 127; ${enter}exec "$@" ${at === 0 ? '</dev/null' : `${at}<&-`}`
  return { file: SHELL, args: ['-c', script, SHELL, file, ...args], env }
}

/** Why a program cannot be run, as `execvp` would say: looked up before there is a gate, whose failure would look like the program's. */
export const whyNotRunnable = (file: string, path = '/usr/bin:/bin'): 'ENOENT' | 'EACCES' | undefined => {
  const candidates = file.includes('/') ? [file] : path.split(delimiter).map((folder) => join(folder || '.', file))
  let why: 'ENOENT' | 'EACCES' = 'ENOENT'
  for (const candidate of candidates) {
    try {
      accessSync(candidate, constants.X_OK)
      if (statSync(candidate).isFile()) return undefined
      why = 'EACCES'
    } catch (error) {
      // Not here, then; what is here and may not be executed is worth saying if there is no other.
      if (codeOf(error) === 'EACCES') why = 'EACCES'
    }
  }
  return why
}

/** What whoever named the program is told. */
export const cannotRun = (file: string, code: string, message: string): CaucusError => {
  const why: Record<string, string> = {
    ENOENT: 'there is no such program; give its path, or look at PATH (a shell would exit with 127)',
    EACCES: 'it may not be executed (a shell would exit with 126)',
  }
  return new CaucusError('CAUCUS_INVALID_ARGUMENT', `cannot run "${file}": ${why[code] ?? message}`, {
    details: { code },
  })
}
