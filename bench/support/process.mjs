import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))
const probe = new URL('./probe.mjs', import.meta.url).href

/** Everything that was started and still runs: nothing may outlive a run that fails. */
const running = new Set()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Has the process killed when this one ends. Gives it back. */
export const tracked = (child) => {
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

/** Starts a server that says `listening on URL` first, on a free port of loopback. */
export const start = async (...args) => {
  const child = tracked(
    spawn(process.execPath, [...process.execArgv, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] }),
  )
  const ended = new Promise((resolve) => child.once('exit', resolve))
  for await (const line of createInterface({ input: child.stdout })) {
    const [, url] = /^listening on (\S+)$/.exec(line) ?? []
    if (url === undefined) continue
    child.stdout.resume()
    const stop = async () => {
      child.kill('SIGKILL')
      await ended
    }
    return { url, port: Number(new URL(url).port), pid: child.pid, child, stop }
  }
  throw new Error(`${args.join(' ')} ended with ${await ended} before it listened`)
}

const SERVE = ['bin/caucus.js', 'serve', '--listen', '127.0.0.1:0', '--fresh', '--log-level', 'error']

/** Our own server, forgetting nothing of what it must do in earnest. */
export const startCaucus = (...options) => start(...SERVE, ...options)

/** The same with a probe in it, which `memoryOf` asks. */
export const startProbed = (...options) => start('--import', probe, ...SERVE, ...options)

/** What a probed server says of its memory, in bytes: `rss` as it stands, `heapUsed` once all garbage is gone. */
export const memoryOf = async ({ child }) => {
  const ended = new AbortController()
  const onExit = () => ended.abort(new Error('the server has ended by itself'))
  child.once('exit', onExit)
  try {
    const answer = once(child, 'message', { signal: ended.signal })
    child.send('sample')
    const [memory] = await answer
    return memory
  } catch (error) {
    throw ended.signal.reason ?? error
  } finally {
    child.off('exit', onExit)
  }
}

/** Kernel ticks a second, on every Linux that Node runs on. */
const TICKS = 100

/** Processor seconds that a process has used, and the bytes that it has in memory. Undefined where there is no /proc. */
export const usageOf = (pid) => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { seconds: (Number(fields[11]) + Number(fields[12])) / TICKS, rss: Number(fields[21]) * 4096 }
  } catch {
    // Another system, or the process is gone.
    return undefined
  }
}
