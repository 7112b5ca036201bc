import { spawnSync } from 'node:child_process'

/** A program that a machine may lack, as tests ask for it (test/process/support/needs.ts). */
export interface NeededProgram {
  readonly what: string
  /** A sentence. */
  readonly howToGet: string
  readonly kind: 'tool'
  /** Why it is not there; `undefined` when it is. */
  missing(): string | undefined
}

/** That `command ...args` can be run. */
export const neededProgram = (
  what: string,
  debianPackage: string,
  command: () => string,
  args: readonly string[],
): NeededProgram => ({
  what,
  howToGet: `On Debian: apt-get install ${debianPackage}.`,
  kind: 'tool',
  missing: () => {
    const { status, error } = spawnSync(command(), args, { stdio: 'ignore' })
    if (error !== undefined) return error.message
    return status === 0 ? undefined : `${command()} ${args.join(' ')} ended with ${status}`
  },
})
