// A member on bloc's wire in a process of its own. It asks for its slot all the time and writes what it was told, and when, to an interval
// log; each change goes to standard output as well.
// Arguments: ours|original, server, interval in seconds, session id, file of the log, now|later.
// SIGHUP: start the client, if that was to be later. SIGUSR2: stop the client and go on asking. SIGTERM: leave and end.
import { appendFileSync } from 'node:fs'
import { BlocClient } from 'caucus/compat'
import { OriginalClient } from './original-client.mjs'

const [kind, server, interval, sessionId, log, when] = process.argv.slice(2)

/** Two reads so close together that said the same stand for the time in between. */
const SAME_CLAIM_NS = 25_000_000
/** A read that took longer was held up in the middle: nobody knows at which instant it was true. */
const HELD_UP_NS = 500_000

const client = new (kind === 'ours' ? BlocClient : OriginalClient)(server, Number(interval), { sessionId })
const nowNs = () => Number(process.hrtime.bigint())
const say = (line) => process.stdout.write(`${JSON.stringify({ ...line, atNs: nowNs() })}\n`)

let claim
let said

const write = () => {
  appendFileSync(log, `${JSON.stringify(claim)}\n`)
  claim = undefined
}

const read = () => {
  const startNs = nowNs()
  const slot = client.getIndexTotal()
  const endNs = nowNs()
  const what = slot === null ? undefined : slot.join(' of ')
  if (claim !== undefined && (what !== claim.what || startNs - claim.endNs > SAME_CLAIM_NS)) write()
  if (what !== undefined && endNs - startNs <= HELD_UP_NS) {
    if (claim === undefined) claim = { who: sessionId, what, epoch: 0, startNs, endNs }
    claim.endNs = endNs
    // Written every now and then, so that a SIGKILL loses little.
    if (claim.endNs - claim.startNs > SAME_CLAIM_NS) {
      write()
      claim = { who: sessionId, what, epoch: 0, startNs, endNs }
    }
  }
  if (what !== said) say({ type: 'slot', slot })
  said = what
}

const stop = async () => {
  say({ type: 'stopping' })
  await client.stopService()
  say({ type: 'stopped' })
}

process.on('SIGUSR2', () => void stop())
process.on('SIGTERM', () => void stop().then(() => process.exit(0)))
process.on('SIGHUP', () => client.startService())
if (when === 'now') client.startService()
setInterval(read, 1)
say({ type: 'ready' })
