// Uses etcd and closes; says `closed` then, and must end by itself.
import { openEngine } from '../../../dist/backends/etcd/etcd3/index.js'
import { systemClocks } from '../../../dist/runtime/system-clock.js'

const [endpoints, what] = [process.argv[2].split(','), process.argv[3]]
const engine = openEngine({
  endpoints,
  clock: systemClocks.grantor,
  requestMs: 2_000,
  progressMs: 1_000,
  random: () => 0,
})
const ignored = () => undefined
if (what === 'at-work') {
  await engine.transact({ then: [{ type: 'put', key: 'exit', value: '1' }] })
  engine.watch('exit', 1, { changed: ignored, progressed: ignored, ended: ignored })
  const { lease } = await engine.grant(60)
  await engine.keepAlive(lease)
}
// Under way when it is closed.
const waiting = engine.list('').catch((error) => error.code)
await new Promise((resolve) => setTimeout(resolve, 100))
await engine.close()
process.stdout.write(`closed ${typeof (await waiting) === 'string' ? await waiting : 'answered'}\n`)
