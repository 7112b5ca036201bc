// A server with low limits, so that a test can reach them. Usage: node attack-server.mjs LIMITS [RULES]: ServerLimits, and
// who may do what as in a token file, both in JSON.
import { Access, hostCoordinator, listen, Meter, memoryStore, parseTokenFile, systemClocks } from 'caucus/server'

const [given, rules] = process.argv.slice(2)
const limits = JSON.parse(given)
const access = new Access(rules === undefined ? [] : parseTokenFile(rules, 'the test'))
const meter = new Meter()
const hosting = await hostCoordinator({
  clock: systemClocks.grantor,
  wallMs: () => Date.now(),
  store: memoryStore(),
  defaults: { leaseMs: 6_000, settleMs: 200, settleCapMs: 2_000, drainLimitMs: 2_000, staticGraceMs: 5_000 },
  fresh: true,
  limits: { groups: 100, membersPerGroup: 1_000 },
  telemetry: meter,
  onFault: (error) => {
    process.stderr.write(`${error.stack}\n`)
    process.exit(1)
  },
})
const write = (level) => (details, message) => process.stderr.write(`${level} ${message} ${JSON.stringify(details)}\n`)
const logger = { debug() {}, info() {}, warn: write('warn'), error: write('error') }
const { url } = await listen({ hosting, port: 0, version: '0.0.0', logger, meter, limits, access })
process.on('SIGTERM', () => process.exit(0))
process.stdout.write(`listening on ${url}\n`)
