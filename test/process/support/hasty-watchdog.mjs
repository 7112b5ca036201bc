// A watchdog that starts something at `run`, says so, and ends at once: what it said is read after its end, if at all.
import { spawn } from 'node:child_process'

process.on('message', ({ run }) => {
  const { pid } = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' })
  process.send({ type: 'started', run, pid }, () => process.exit(1))
})
