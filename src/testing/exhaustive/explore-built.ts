import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { CaucusError } from '../../errors.ts'
import type { Mutant } from '../mutants/mutant.ts'
import { withBareCopy } from './bare-copy.ts'
import type { Exploration } from './explore.ts'

/** One scene, and how far to go from it. */
export interface Ask {
  readonly scene: string
  readonly depth: number
  readonly troubles: number
}

export type Found = Exploration & { readonly seconds: number }

/**
 * Explores each of `asks` in a bared copy of the built code, in which the rule of `mutant` is broken. Tells each result as it comes. `signal`
 * ends it at once; the returned promise rejects, and the copy is gone.
 */
export const exploreBuilt = (
  asks: readonly Ask[],
  mutant: Mutant | undefined,
  tell: (found: Found) => void,
  signal?: AbortSignal,
): Promise<void> =>
  withBareCopy(mutant, async (copy) => {
    const program = join(copy, 'testing/exhaustive/explore-process.js')
    const child = spawn(process.execPath, [program, JSON.stringify(asks)], { stdio: ['ignore', 'pipe', 'pipe'] })
    const ended = once(child, 'close')
    const end = () => void child.kill('SIGKILL')
    signal?.addEventListener('abort', end)
    if (signal?.aborted === true) end()
    const complaints = text(child.stderr)
    for await (const line of createInterface({ input: child.stdout })) tell(JSON.parse(line) as Found)
    const [status] = await ended
    signal?.removeEventListener('abort', end)
    signal?.throwIfAborted()
    if (status !== 0) {
      throw new CaucusError('CAUCUS_BACKEND', `the exploration did not end well: ${await complaints}`)
    }
  })
