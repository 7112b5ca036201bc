import { spawn } from 'node:child_process'
import type { Child } from './child.ts'

/**
 * Waits for the end of its input, which comes by itself when the demo is gone, however it ended. Ctrl-C is not for it, nor a terminal that hangs up:
 * that one ends whatever runs, and leaves what is stopped as it is.
 */
const GUARD = 'trap "" HUP INT TERM; read -r _; kill -CONT "$0"'

/**
 * Stops a process in its tracks; call the result to let it go on.
 *
 * A stopped process notices nothing, not even that the demo is gone, and would be left stopped for ever: so a guard of its own
 * continues it then, and it finds out.
 */
export const freeze = (child: Child): (() => void) => {
  const guard = spawn('sh', ['-c', GUARD, String(child.pid)], { stdio: ['pipe', 'ignore', 'ignore'] })
  // Without a shell there is no guard; the demo itself continues the process in any case but its own sudden death.
  guard.on('error', () => undefined)
  guard.stdin.on('error', () => undefined)
  child.signal('SIGSTOP')
  return () => {
    // Its number may be somebody else's by now.
    if (!child.isAlive) return void guard.kill('SIGKILL')
    child.signal('SIGCONT')
    guard.stdin.end()
  }
}
