import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { local } from 'caucus'
import type { ContractSubject } from 'caucus/testing'
import { waitFor } from '../../process/support/wait.ts'
import { TIMING } from '../server.ts'

/** The highest term that somebody serves. */
const served = async (directory: string): Promise<number> => {
  const doors = (await readdir(directory)).flatMap((name) => /^term-(\d+)\.door$/.exec(name)?.[1] ?? [])
  return Math.max(0, ...doors.map(Number))
}

/** Connections of one process, each of which could be a process of its own. */
export const openLocal = async (): Promise<ContractSubject> => {
  const directory = await mkdtemp(join(tmpdir(), 'caucus-'))
  const backend = local({ directory, timing: TIMING })
  return {
    backend,
    // Its term is gone, as if its process were: it may neither grant nor say any more who holds what, and another one begins the next.
    crashCoordinator: async () => {
      const term = await served(directory)
      await rm(join(directory, `term-${term}`))
      await waitFor('another one to serve', async () => (await served(directory)) > term)
    },
    close: () => rm(directory, { recursive: true }),
  }
}
