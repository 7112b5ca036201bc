import { type ChildProcess, spawn } from 'node:child_process'
import type { Millis } from '../../core/time.ts'

/**
 * Reads the process groups that run, a line each, and at the end of its input ends those that are left: SIGTERM, and SIGKILL after so many
 * seconds. A group that has gone meanwhile is forgotten: another one may get its number.
 */
const SCRIPT = `
trap '' HUP INT TERM
live=
while read -r sign group; do
  if [ "$sign" = + ]; then live="$live $group"; continue; fi
  kept=
  for each in $live; do [ "$each" = "$group" ] || kept="$kept $each"; done
  live=$kept
done
for each in $live; do kill -s TERM -- "-$each"; kill -s CONT -- "-$each"; done
while [ -n "$live" ] && [ "$1" -gt 0 ]; do
  sleep 1
  kept=
  for each in $live; do kill -s 0 -- "-$each" && kept="$kept $each"; done
  live=$kept
  set -- $(($1 - 1))
done
for each in $live; do kill -s KILL -- "-$each"; done
`

export interface MinderOptions {
  readonly graceMs: Millis
  /** It ended without being asked, and has a successor. */
  lost(how: string): void
}

/**
 * A shell that outlives this process, if only for a moment: when this process is killed it ends whatever programs are left. It has no
 * clock and no say while this process lives.
 */
export class Minder {
  readonly #options: MinderOptions
  readonly #live = new Set<number>()
  #shell: ChildProcess
  #closed = false

  constructor(options: MinderOptions) {
    this.#options = options
    this.#shell = this.#start()
  }

  /** Calls `known` once the group will be ended whatever becomes of this process. */
  watch(pgid: number, known: () => void): void {
    this.#live.add(pgid)
    this.#shell.stdin?.write(`+ ${pgid}\n`, () => known())
  }

  forget(pgid: number): void {
    if (this.#live.delete(pgid)) this.#shell.stdin?.write(`- ${pgid}\n`)
  }

  close(): void {
    this.#closed = true
    this.#shell.stdin?.end()
  }

  #start(): ChildProcess {
    const seconds = Math.ceil(this.#options.graceMs / 1_000)
    // A session of its own: neither Ctrl-C in this terminal nor a signal to our process group reaches it.
    const shell = spawn('/bin/sh', ['-c', SCRIPT, 'caucus-minder', `${seconds}`], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    let lost = false
    const lose = (how: string) => {
      if (lost || this.#closed) return
      lost = true
      this.#options.lost(how)
      this.#shell = this.#start()
      for (const pgid of this.#live) this.#shell.stdin?.write(`+ ${pgid}\n`)
    }
    shell.once('exit', (code, signal) => lose(signal ?? `exit ${code}`))
    // There was no shell at all, and there will be none for the programs either, which says so.
    shell.once('error', () => undefined)
    // Whoever reads no more has ended, which `exit` tells.
    shell.stdin.on('error', () => undefined)
    shell.unref()
    return shell
  }
}
