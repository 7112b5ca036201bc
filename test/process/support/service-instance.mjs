// An instance of the service `search`, in a process of its own. Usage: node service-instance.mjs URL ID PORT
// It says `registered`, and with SIGTERM goes down in peace: draining, a moment, gone.
import { connect, remote, timing } from 'caucus'

const [url, id, port] = process.argv.slice(2)
const say = (line) => process.stdout.write(`${line}\n`)

const caucus = await connect(remote(url, { timing: timing.local }))
const registration = await caucus.service('search').register({ id, host: '127.0.0.1', port: Number(port) })
registration.signal.addEventListener('abort', () => say(`over ${registration.error?.code ?? 'by itself'}`))
process.once('SIGTERM', async () => {
  await registration.setStatus('draining')
  say('draining')
  setTimeout(() => caucus.close(), 200)
})
say('registered')
