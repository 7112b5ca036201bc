// A candidate of the election `e` that writes down, every few milliseconds, whether it leads and under which token: `held` is read before
// anything else, whatever the process has been through. Usage: node leader.mjs URL ID LOG.
import { appendFileSync } from 'node:fs'
import { connect, remote } from 'caucus'

const [url, id, log] = process.argv.slice(2)
let tenure
setInterval(() => {
  const held = tenure?.held ?? false
  const line = { who: id, held, token: tenure?.token, atNs: Number(process.hrtime.bigint()) }
  appendFileSync(log, `${JSON.stringify(line)}\n`)
}, 2)
const caucus = await connect(remote(url, { connectTimeoutMs: 60_000 }))
await caucus.election('e').lead(
  async (given) => {
    tenure = given
    await new Promise((resolve) => given.signal.addEventListener('abort', resolve))
  },
  { id },
)
