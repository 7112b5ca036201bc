import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** Starts a server that says `listening on URL` first, on a free port of loopback. */
export const start = async (...args) => {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  for await (const line of createInterface({ input: child.stdout })) {
    const [, url] = /^listening on (\S+)$/.exec(line) ?? []
    if (url === undefined) continue
    child.stdout.resume()
    const stop = async () => {
      child.kill('SIGKILL')
      await ended
    }
    return { url, port: Number(new URL(url).port), pid: child.pid, stop }
  }
  throw new Error(`${args.join(' ')} ended with ${await ended} before it listened`)
}

/** Our own server, forgetting nothing of what it must do in earnest. */
export const startCaucus = (...options) =>
  start('bin/caucus.js', 'serve', '--listen', '127.0.0.1:0', '--fresh', '--log-level', 'warn', ...options)
