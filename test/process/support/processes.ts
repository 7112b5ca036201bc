import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { signalProcess } from '../../../src/testing/trial/processes.ts'
import { waitFor } from './wait.ts'

export const repository = fileURLToPath(new URL('../../..', import.meta.url))

/** A process of ours, and what it has said so far. */
export interface Running {
  readonly child: ChildProcess
  readonly pid: number
  stdout(): string
  stderr(): string
  /** How it ended; undefined while it runs. */
  ended(): { readonly code: number | null; readonly signal: NodeJS.Signals | null } | undefined
  signal(signal: NodeJS.Signals): void
  /** Sends `signal` and resolves with its exit code once it is over; SIGKILL follows when it takes longer than `withinMs`. */
  stop(signal?: NodeJS.Signals, withinMs?: number): Promise<number | null>
}

const running = new Set<Running>()

/** Starts `node args…` in the repository, by the command `prefix` if there is one. Whatever is still running is ended by `endAll`. */
export const startNode = (
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  prefix: readonly string[] = [],
): Running => {
  const [file = '', ...rest] = [...prefix, process.execPath, ...args]
  const child = spawn(file, rest, {
    cwd: repository,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  const { pid } = child
  if (pid === undefined) throw new Error(`could not start node ${args.join(' ')}`)
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  let ended: { code: number | null; signal: NodeJS.Signals | null } | undefined
  const closed = once(child, 'close').then(([code, signal]) => {
    ended = { code, signal }
    running.delete(started)
  })
  const started: Running = {
    child,
    pid,
    stdout: () => stdout,
    stderr: () => stderr,
    ended: () => ended,
    signal: (signal) => {
      if (ended === undefined) signalProcess(pid, signal)
    },
    stop: async (signal = 'SIGTERM', withinMs = 10_000) => {
      child.kill(signal)
      const late = setTimeout(() => child.kill('SIGKILL'), withinMs)
      await closed
      clearTimeout(late)
      return ended?.code ?? null
    },
  }
  running.add(started)
  return started
}

/** Ends everything that `startNode` started and that still runs, frozen or not. For `afterEach`. */
export const endAll = async (): Promise<void> => {
  await Promise.all([...running].map((process) => process.stop('SIGKILL')))
}

/** Starts `caucus args…` from the built checkout. */
export const startCaucus = (args: readonly string[], env?: NodeJS.ProcessEnv, prefix?: readonly string[]): Running =>
  startNode(['bin/caucus.js', ...args], env, prefix)

export interface RunningServer extends Running {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string
  /** `127.0.0.1:PORT`. */
  readonly address: string
}

/** Starts `caucus serve` on a free port of loopback and resolves once it listens. */
export const startServer = async (
  args: readonly string[] = [],
  env?: NodeJS.ProcessEnv,
  prefix?: readonly string[],
): Promise<RunningServer> => {
  const server = startCaucus(['serve', '--listen', '127.0.0.1:0', ...args], env, prefix)
  const line = await waitFor('the server to say where it listens', () => {
    if (server.ended() !== undefined) throw new Error(`the server ended: ${server.stderr()}`)
    return /^(.*)\n/.exec(server.stdout())?.[1]
  })
  const url = /^listening on (https?:\/\/\S+)$/.exec(line)?.[1]
  if (url === undefined) throw new Error(`the server's first line is: ${line}`)
  return { ...server, url, address: new URL(url).host }
}
