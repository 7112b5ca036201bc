import type { Command } from 'commander'

/** A command's own file: it adds arguments and options, and an action that gives the exit code. */
export interface CommandModule {
  define(command: Command, run: (action: () => Promise<number>) => Promise<void>): void
}
