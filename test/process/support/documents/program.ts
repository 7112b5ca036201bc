import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface Program {
  readonly stdout: string
  readonly stderr: string
  readonly code: number | null
  /** It was still running after the limit, and was killed. */
  readonly late: boolean
}

const groups = new Set<number>()
/** What a test that was cut off leaves behind goes with this process. */
process.on('exit', () => {
  for (const group of groups) kill(group)
})

const kill = (group: number): void => {
  groups.delete(group)
  try {
    process.kill(-group, 'SIGKILL')
  } catch {
    // Nobody of the group is left.
  }
}

/** Runs a program to its end, or for `withinMs`. It has a process group of its own, of which nothing is left afterwards. */
export const runProgram = async (
  command: readonly string[],
  {
    folder,
    env = {},
    withinMs,
  }: { readonly folder: string; readonly env?: NodeJS.ProcessEnv; readonly withinMs: number },
): Promise<Program> => {
  const [file = '', ...args] = command
  const child = spawn(file, args, {
    cwd: folder,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  const { pid = 0 } = child
  groups.add(pid)
  let [stdout, stderr, late] = ['', '', false]
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const limit = setTimeout(() => {
    late = true
    kill(pid)
  }, withinMs)
  const closed = once(child, 'close')
  // What it has started may hold its output open: that it has ended is enough.
  const [code] = await once(child, 'exit')
  clearTimeout(limit)
  kill(pid)
  await closed
  return { stdout, stderr, code, late }
}
